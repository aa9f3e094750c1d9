"""The errors a user can meet, each with the exit code the command line gives it."""

from __future__ import annotations


class CohortTrackerError(Exception):
    """Something went wrong that the user can be told in one line.

    Args:
        message: what happened, one line, without secrets.
        hint: what to check or do next, one line, or None.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def unexpected(error: Exception) -> CohortTrackerError:
    """What nobody foresaw, in one line."""
    what = " ".join(str(error).split())[:200]
    return CohortTrackerError(
        f"Unexpected {type(error).__name__}: {what}",
        "`cohort-tracker --debug …` shows where; nothing that was stored is lost.",
    )


class ConfigError(CohortTrackerError):
    """A setting is missing, unknown, of the wrong type or contradicts another."""

    exit_code = 2


class AuthenticationError(CohortTrackerError):
    """The API refused the e-mail, the password or the token."""

    exit_code = 3


class ClassNotFoundError(CohortTrackerError):
    """The API does not know the class, or the account has no access to it."""

    exit_code = 4


class ApiUnavailableError(CohortTrackerError):
    """The API could not be reached or kept answering something unusable."""

    exit_code = 5


class ApiUnreachableError(ApiUnavailableError):
    """No connection could be made at all, so the next class would fail the same way."""


class SyncRunningError(CohortTrackerError):
    """Another sync holds the data directory."""

    exit_code = 6


class NotifyRunningError(CohortTrackerError):
    """Another `notify` sends messages from the data directory."""

    exit_code = 6


class ExportRunningError(CohortTrackerError):
    """Another `export --raw` writes into the same folder."""

    exit_code = 6


class DeliveryError(CohortTrackerError):
    """A message could not be delivered; the next `notify` tries again."""


class StaleDataError(CohortTrackerError):
    """The data is older than the caller allows."""

    exit_code = 7


class StoreError(CohortTrackerError):
    """The raw store or the warehouse cannot be read or written."""


class DamagedStoreError(StoreError):
    """The content of the raw store is broken: a sync sets the file aside and begins a new one."""


class ForeignStoreError(StoreError):
    """The file in the place of the raw store is somebody else's: it is left as it is."""


class InterruptionError(CohortTrackerError):
    """The sync was told to stop by a signal; the exit code says by which."""

    def __init__(self, message: str, hint: str | None, signal_number: int) -> None:
        super().__init__(message, hint)
        self.exit_code = 128 + signal_number


class BuildError(CohortTrackerError):
    """The dbt build or one of its tests failed; the published warehouse was left as it was."""


class PublishError(CohortTrackerError):
    """The tables could not be brought to PostgreSQL, which still has those of before."""
