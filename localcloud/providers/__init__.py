"""Stand-ins for provider plugins: the engine starts them, they talk to the local cloud.

Shared by every stand-in: `wire` (the engine's values as plain Python), `shapes` (what an input may look
like, and every fault in it), `difference` (what changed, what forces a replacement), `plugin` (what a
stand-in has to offer), `servicer` and `server` (gRPC), `install` (put a stand-in where the engine looks
for it).
"""
