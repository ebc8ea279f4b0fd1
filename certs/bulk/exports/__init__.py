"""From a bundle to what a factory line flashes: a file or folder a device, made with the line's identity.

- `certs.bulk.exports.devices`: every device of a bundle with its key, compared with its certificate.
- `certs.bulk.exports.forms`: PEM, PKCS#12, C header, NVS, as data; `certs.bulk.exports.write` makes a folder.
"""
