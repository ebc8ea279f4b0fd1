"""What the operations need of a cloud. `operations.azure` realises it; tests have one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

Document: TypeAlias = dict[str, Any]
"""A JSON object as a service gives it."""


class Cloud(Protocol):
    """One provisioning service, and the hubs that its devices are in.

    Documents are the services' own (IndividualEnrollment, EnrollmentGroup, DeviceRegistrationState, Device,
    Twin). ETags go in as they came out. Every call raises the errors of provider.clients.errors.
    """

    @property
    def service_host(self) -> str:
        """The provisioning service."""

    @property
    def hubs(self) -> tuple[str, ...]:
        """The hubs that are known without asking a registration."""

    def enrollment(self, registration_id: str) -> Document | None:
        """The individual enrollment, with its symmetric keys if it has some: never to be shown. Or None."""

    def add_enrollment(self, document: Document) -> str | None:
        """Make an individual enrollment, never change one. Why the service refused it, or None."""

    def put_enrollment(self, registration_id: str, document: Document, etag: str) -> Document:
        """Change the individual enrollment with this ETag; the new document. Raises StaleError."""

    def remove_enrollment(self, registration_id: str, etag: str) -> None:
        """Delete the individual enrollment with this ETag. Raises StaleError; gone already is no error."""

    def group(self, group_id: str) -> Document | None:
        """The enrollment group, with its symmetric keys if it has some: never to be shown. Or None."""

    def registration(self, registration_id: str) -> Document | None:
        """Where the device is registered, or None when it never was."""

    def registrations(self, group_id: str) -> Iterator[Document]:
        """The registrations of a group's devices, page by page."""

    def identity(self, hub: str, device_id: str) -> Document | None:
        """The device's identity in a hub, with its keys if it has some: never to be shown. Or None."""

    def put_identity(self, hub: str, device_id: str, document: Document, etag: str) -> Document:
        """Change the identity with this ETag; the new document. Raises StaleError."""

    def twins(self, hub: str) -> Iterator[Document]:
        """The twins of a hub's devices, page by page."""

    def count(self, hub: str) -> int:
        """How many devices a hub has."""

    def wait(self, seconds: float, waiting_for: str) -> None:
        """Let time pass. Raises CancelledError."""
