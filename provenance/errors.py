"""The whole exception tree. Nothing foreign escapes a package: convert at the boundary with ``raise … from err``.

A message says what, where, got and expected, in lower case without a trailing stop; advice goes in ``hint``. Only the command line prints and exits.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


class ProvenanceError(Exception):
    """The root of every error this package raises on purpose."""

    def __init__(self, message: str, *, hint: str | None = None, context: Mapping[str, str] | None = None) -> None:
        """Make the error.

        Args:
            message: What happened and where.
            hint: What the user can do about it.
            context: Machine-readable details, such as the path and the line.
        """
        super().__init__(message)
        self.hint = hint
        self.context: Mapping[str, str] = MappingProxyType(dict(context or {}))

    def __reduce__(self) -> tuple[object, ...]:
        """Return what makes the error again in another process."""
        return _make_again, (type(self), self.args, self.hint, dict(self.context))


def _make_again(kind: type[ProvenanceError], args: tuple[object, ...], hint: str | None, context: Mapping[str, str]) -> ProvenanceError:
    error = kind.__new__(kind, *args)
    ProvenanceError.__init__(error, str(args[0]), hint=hint, context=context)
    error.args = args
    return error


class InputError(ProvenanceError):
    """Something the user wrote or named cannot be used."""


class ConfigError(InputError):
    """The workspace settings cannot be used."""


class NoWorkspaceError(ConfigError):
    """There are no workspace settings in a folder or above it."""


class DocumentError(InputError, ValueError):
    """A YAML file is missing, unreadable or not strict YAML."""


class RunDocumentError(InputError, ValueError):
    """A run file is malformed."""


class PolicyDocumentError(InputError, ValueError):
    """A policy bundle is malformed, or a rule of it does not compile."""


class TermsDocumentError(InputError, ValueError):
    """A terms or licence catalogue is malformed."""


class PatternDocumentError(InputError, ValueError):
    """A catalogue of patterns is malformed."""


class UnknownRuleError(InputError):
    """A rule id is not in the bundles at hand."""


class WaiverError(InputError, ValueError):
    """A waiver is malformed or not permitted."""


class RemedyError(InputError, ValueError):
    """A remedy file is malformed, or names what the run does not have."""


class LicenseExpressionError(InputError, ValueError):
    """A licence string is neither an SPDX expression nor a known name."""


class ManifestError(InputError, ValueError):
    """A dataset or shard manifest is malformed."""


class NoFilesError(ManifestError):
    """A pattern names no file."""


class RunRecordError(InputError):
    """A run's folder or record cannot be used."""


class LocationError(InputError, ValueError):
    """A path or URL of data cannot be used. The message repeats no credential that it held."""


class WireFormatError(InputError, ValueError):
    """A document does not have the shape of the value it should become."""


class RegistryError(ProvenanceError):
    """The registry cannot do what was asked."""


class NotRegisteredError(RegistryError):
    """A dataset, version or shard is not in the registry."""


class ConflictError(RegistryError):
    """Two facts exclude one another, or another writer was first."""


class SchemaVersionError(RegistryError):
    """The database is of another schema version."""


class LogChainError(RegistryError):
    """The audit log's hash chain is broken."""


class IngestError(ProvenanceError):
    """Data cannot be read."""


class ShardReadError(IngestError):
    """A shard is missing, truncated, of an unknown format, or holds no text."""


class StoreError(ShardReadError):
    """A store of remote files cannot be reached, refuses, or fails. The message repeats no credential."""


class ShardDigestMismatchError(IngestError):
    """A shard's bytes are not the ones that were registered."""


class FingerprintError(ProvenanceError):
    """A sketch or an index cannot be made or compared."""


class SchemeMismatchError(FingerprintError):
    """Two sketches, or a sketch and an index, were made by different schemes."""


class ReferenceIndexError(FingerprintError):
    """A reference index is missing, damaged, or of another version."""


class ReportError(ProvenanceError):
    """A report cannot be made or does not verify."""


class ClearanceError(ProvenanceError):
    """A clearance cannot be issued or does not hold."""

    def __init__(
        self, message: str, *, hint: str | None = None, context: Mapping[str, str] | None = None, reasons: tuple[str, ...] | None = None
    ) -> None:
        """Make the error.

        Args:
            message: What happened and where.
            hint: What the user can do about it.
            context: Machine-readable details.
            reasons: Every reason found, one sentence each; the message alone where not given.
        """
        super().__init__(message, hint=hint, context=context)
        self.reasons: tuple[str, ...] = (message,) if reasons is None else reasons


class KeyFileError(ClearanceError):
    """A private key file cannot be read or written safely."""


class TrustFileError(ClearanceError):
    """The trust file or the revocation list it names cannot be relied on."""


class DigestCacheError(ClearanceError):
    """A digest cache cannot be relied on: somebody else could have written it."""


class EnvelopeFormatError(ClearanceError):
    """An envelope or its payload is malformed or surprising."""


class SignatureError(ClearanceError):
    """A signature does not verify."""


class UntrustedKeyError(ClearanceError):
    """No trusted key of the needed role signed."""


class ExpiredClearanceError(ClearanceError):
    """The clearance is not valid at this time."""


class RevokedClearanceError(ClearanceError):
    """The clearance or its key has been revoked."""


class SubjectMismatchError(ClearanceError):
    """The data on disk are not the data that were cleared."""


class VerdictError(ClearanceError):
    """The audit's verdict does not permit a clearance."""
