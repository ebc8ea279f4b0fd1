"""What the inventory says to SQLite: its tables, and every statement that reads or appends."""

from __future__ import annotations

from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS issued (
  number INTEGER PRIMARY KEY, serial BLOB NOT NULL, registration_id TEXT NOT NULL COLLATE NOCASE,
  issuer TEXT NOT NULL, factory TEXT NOT NULL, grp TEXT NOT NULL,
  not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, sha256 BLOB NOT NULL, hash BLOB NOT NULL,
  UNIQUE (serial, issuer)
) STRICT;
CREATE INDEX IF NOT EXISTS issued_by_id ON issued (registration_id);
CREATE INDEX IF NOT EXISTS issued_by_end ON issued (not_after);
CREATE TABLE IF NOT EXISTS fates (
  number INTEGER PRIMARY KEY, serial BLOB NOT NULL, issuer TEXT NOT NULL,
  at INTEGER NOT NULL, fate TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS fates_by_serial ON fates (serial);
CREATE INDEX IF NOT EXISTS fates_by_fate ON fates (fate, issuer);
"""
CACHE_KIB: Final = 65536
"""Serials are random: with SQLite's own 2 MiB every insert beyond some 50,000 would read and write a page."""

INSERT: Final = {
    "issued": "INSERT INTO issued (number, serial, registration_id, issuer, factory, grp, not_before, "
    "not_after, sha256, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "fates": "INSERT INTO fates (number, serial, issuer, at, fate, detail, hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)",
}
END: Final = {
    "issued": "SELECT number, hash FROM issued ORDER BY number DESC LIMIT 1",
    "fates": "SELECT number, hash FROM fates ORDER BY number DESC LIMIT 1",
}
ROWS: Final = {
    "issued": "SELECT number, hash, serial, registration_id, issuer, factory, grp, not_before, not_after, "
    "sha256 FROM issued ORDER BY number",
    "fates": "SELECT number, hash, serial, issuer, at, fate, detail FROM fates ORDER BY number",
}
SELECT: Final = (
    "SELECT serial, registration_id, issuer, factory, grp, not_before, not_after, sha256 FROM issued "
)
WHERE: Final = {
    "all": "ORDER BY number",
    "serial": "WHERE serial = ? AND issuer = ?",
    "end": "WHERE not_after >= ? AND not_after < ? ORDER BY not_after",
    "id": "WHERE registration_id = ? ORDER BY number",
}
HAS: Final = "SELECT 1 FROM issued WHERE serial = ? AND sha256 = ?"
FATE: Final = (
    "SELECT fate, at, detail FROM fates WHERE serial = ? AND issuer = ? ORDER BY number DESC LIMIT 1"
)
DECIDED: Final = """
SELECT issued.serial, registration_id, issued.issuer, factory, grp, not_before, not_after, sha256, fate, at,
  detail
FROM fates JOIN issued ON issued.serial = fates.serial AND issued.issuer = fates.issuer
WHERE fate = ? AND ? IN ('', fates.issuer) AND NOT EXISTS (
  SELECT 1 FROM fates AS later
  WHERE later.serial = fates.serial AND later.issuer = fates.issuer AND later.number > fates.number)
ORDER BY fates.number
"""
IDS_IN_FORCE: Final = """
SELECT registration_id FROM issued WHERE not_after > ? AND NOT EXISTS (
  SELECT 1 FROM fates WHERE fates.serial = issued.serial AND fates.issuer = issued.issuer
    AND fate IN ('retired', 'revoked'))
"""
EXPIRING: Final = """
SELECT CASE ? WHEN 'factory' THEN factory WHEN 'group' THEN grp ELSE issuer END AS which,
  count(*), min(not_after) FROM issued
WHERE not_after >= ? AND not_after < ?
  AND NOT EXISTS (SELECT 1 FROM fates WHERE fates.serial = issued.serial AND fates.issuer = issued.issuer)
GROUP BY which ORDER BY min(not_after)
"""
