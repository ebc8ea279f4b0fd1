"""What can go wrong with the engine, as a tree.

EngineError            a sentence for the person: what is wrong, where, and the ways out
├── NoEngineError      neither a matching `pulumi` nor a Go that could build one
└── BuildError         the Go build failed; carries where its log is

NotPlainError          a description of an imported resource that is no plain data; never shown as a failure
"""

from __future__ import annotations


class EngineError(Exception):
    """The Pulumi engine cannot be had; the text says why and what to do."""


class NoEngineError(EngineError):
    """There is neither a matching `pulumi` on PATH nor a Go that is new enough to build one."""


class BuildError(EngineError):
    """The Go build of the engine failed, or was ended."""


class NotPlainError(Exception):
    """A description of an imported resource holds what cannot be turned into Python; the text says what."""
