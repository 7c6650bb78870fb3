"""What can go wrong, named for the user's situation; each error knows its HTTP status."""

import errno
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


class MusicError(Exception):
    """Base of every error that a user may see. `detail` is shown as it is; it says what is allowed."""

    status = 500

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class EmptyPrompt(MusicError):
    """The prompt held nothing but white space."""

    status = 400

    def __init__(self) -> None:
        super().__init__("Prompt cannot be empty")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request."""

    #: Where it is: ("plan", "form", 0, "bars").
    place: tuple[str | int, ...]
    #: What is wrong, and what is allowed.
    message: str
    #: Kind of fault, for programs.
    kind: str = "value_error"


class InvalidFields(MusicError):
    """Fields of the request cannot be used; shown in FastAPI's 422 shape, one entry a fault."""

    status = 422

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{'.'.join(map(str, fault.place))}: {fault.message}" for fault in self.faults))


class InvalidField(InvalidFields):
    """A field of the request cannot be used; `inside` says where in it."""

    def __init__(
        self, field: str, message: str, *, kind: str = "value_error", inside: tuple[str | int, ...] = ()
    ) -> None:
        super().__init__([Fault((field, *inside), message, kind)])
        self.field = field
        self.message = message
        self.kind = kind


class TrackNotFound(MusicError, KeyError):
    """No track has this id."""

    status = 404

    def __init__(self, track_id: str) -> None:
        super().__init__(f"Track not found: {printable(track_id)}")


class GroupNotFound(MusicError):
    """No group has this id, or all of its tracks are gone."""

    status = 404

    def __init__(self, group_id: str) -> None:
        super().__init__(f"Group not found: {printable(group_id)}")


class ComparisonNotFound(MusicError):
    """No comparison has this id, or all of its tracks are gone."""

    status = 404

    def __init__(self, comparison_id: str) -> None:
        super().__init__(f"Comparison not found: {printable(comparison_id)}")


class FinetuneNotFound(MusicError):
    """No fine-tune has this id."""

    status = 404

    def __init__(self, finetune_id: str) -> None:
        super().__init__(f"Fine-tune not found: {printable(finetune_id)}")


class ClipNotFound(MusicError):
    """No clip has this id, or it was too old to be kept."""

    status = 404

    def __init__(self, clip_id: str) -> None:
        super().__init__(f"Clip not found: {printable(clip_id)}")


class NameTaken(MusicError):
    """Another fine-tune has the name; nothing was created."""

    status = 409

    def __init__(self, name: str, finetune_id: str | None) -> None:
        """`finetune_id` is None where the client may not know the other one."""
        whose = finetune_id or "a fine-tune of somebody else's"
        super().__init__(
            f"{name} is the name of {whose}: take another name" + (", or DELETE that one first" if finetune_id else "")
        )
        self.finetune_id = finetune_id or ""


class FormNotFound(MusicError):
    """The track, or the service, offers no such file."""

    status = 404

    def __init__(self, form: str, available: Iterable[str]) -> None:
        super().__init__(f"No such file form: {printable(form)}. Available: {', '.join(dict.fromkeys(available))}")


class TrackNotFinished(MusicError):
    """The file asked for does not exist yet."""

    status = 409


class NothingToHear(MusicError):
    """The track came to nothing, so there is no sound of it."""

    status = 409


class TrackAlreadyFinished(MusicError):
    """A finished track cannot be cancelled."""

    status = 409


class GroupAlreadyFinished(MusicError):
    """A group none of whose tracks is in work cannot be cancelled."""

    status = 409


class FinetuneAlreadyFinished(MusicError):
    """A finished fine-tune cannot be cancelled."""

    status = 409


class ComparisonNotFinished(MusicError):
    """What is still being made cannot be judged."""

    status = 409


class ModelNotReady(MusicError):
    """The model lacks its packages, weights, key or device; `detail` names the command that helps."""

    status = 409


class NotOffered(MusicError):
    """This server does not do that, by the way it is set up."""

    status = 409


class LicenceRefused(MusicError):
    """The owner takes only weights that allow commercial use; nothing was created."""

    status = 403


class FetchFailed(MusicError):
    """Weights could not be brought; `detail` is the reason."""

    status = 503


class SettingRefused(MusicError):
    """A setting cannot be used."""

    status = 500


class KeyRequired(MusicError):
    """The server asks for a key."""

    status = 401

    def __init__(self) -> None:
        super().__init__("This server asks for an API key: send it as Authorization: Bearer KEY, or as X-API-Key")


class KeyRefused(MusicError):
    """The key opens nothing: it is unknown, mistyped, revoked or expired. Which of these is not said."""

    status = 401

    def __init__(self) -> None:
        super().__init__("This API key is not valid here")


class ScopeMissing(MusicError):
    """The key is good, but not for this."""

    status = 403

    def __init__(self, scope: str) -> None:
        super().__init__(f"This API key lacks the scope {scope}")


class LinkRefused(MusicError):
    """A signed address is wrong, or too old."""

    status = 403


class KeyNotFound(MusicError):
    """No key has this id."""

    status = 404

    def __init__(self, key_id: str) -> None:
        super().__init__(f"Key not found: {printable(key_id)}")


class StillBeingMade(MusicError):
    """The same request was sent before, and is still being answered."""

    status = 409

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is still being answered; try again in a moment")


class RepeatedTooLate(MusicError):
    """The same request was carried out, but its answer was lost with the server that gave it."""

    status = 409

    def __init__(self, group_id: str) -> None:
        super().__init__(f"This request was accepted before the server stopped: GET /music/groups/{group_id}")


class UsedForAnother(InvalidField):
    """The Idempotency-Key belongs to a request that was another."""

    def __init__(self) -> None:
        super().__init__("Idempotency-Key", "was used for another request within 24 hours; take a new one")


class AddressRefused(MusicError):
    """An address that a client named is not told anything; `detail` is the reason, for the log of its messages."""

    status = 422


class MessageNotFound(MusicError):
    """No message has this id."""

    status = 404

    def __init__(self, message_id: str) -> None:
        super().__init__(f"Message not found: {printable(message_id)}")


class LimitReached(MusicError):
    """The client has had what it may have for now; nothing was created."""

    status = 429

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(f"{detail}. Try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class QueueFull(MusicError):
    """More tracks are waiting than the owner allows; nothing was created."""

    status = 503

    def __init__(self, limit: int, retry_after_s: int) -> None:
        super().__init__(f"The queue is full ({limit} tracks are waiting). Try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class NoRoomForAll(QueueFull):
    """Fewer tracks can wait than were asked for at once; none was created."""

    def __init__(self, asked: int, room: int, limit: int, retry_after_s: int) -> None:
        MusicError.__init__(
            self,
            f"The queue has room for {room} of the {asked} tracks (at most {limit} wait). "
            f"None was accepted; try again in {retry_after_s} s",
        )
        self.retry_after_s = retry_after_s


class Busy(MusicError):
    """The work could not be done in the time a client waits; it goes on."""

    status = 503

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NotReady(Busy):
    """A part that the service stands on fails; `detail` names it."""

    def __init__(self, failing: Mapping[str, str], retry_after_s: int = 5) -> None:
        """`failing` says of each such part what is the matter."""
        self.failing = dict(failing)
        super().__init__("Not ready: " + "; ".join(f"{part}: {why}" for part, why in failing.items()), retry_after_s)


class DataFolderInUse(MusicError):
    """Another process owns the data folder."""

    status = 503


class StorageFailed(MusicError):
    """The data folder cannot be read or written."""

    status = 503


class DatabaseAway(StorageFailed):
    """The database server does not answer; nothing was lost, and it is expected back."""

    def __init__(self, detail: str, retry_after_s: int = 5, *, because: str | None = None) -> None:
        """`because` is what its client said, with addresses of the inside: logs tell it, answers don't."""
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self._because = because

    def __str__(self) -> str:
        return self.detail if self._because is None else f"{self.detail}: {self._because}"


class StoreAway(StorageFailed):
    """The object store does not answer; nothing was lost, and it is expected back."""

    def __init__(self, detail: str, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class SoundfontMissing(MusicError):
    """The soundfont that was asked for is not there, or is not one."""

    status = 500


class GenerationFailed(MusicError):
    """An engine could not make the track; `detail` is the reason shown with the track."""

    status = 500


class Cancelled(MusicError):
    """The track was cancelled while an engine worked on it."""

    status = 409


#: What stands behind the commonest refusals of a disk.
DISK_REASONS = {
    errno.ENOSPC: "no space is left on the disk",
    getattr(errno, "EDQUOT", -1): "the disk quota is used up",
    errno.EFBIG: "the file is larger than the disk allows",
    errno.EACCES: "the folder is not writable",
    errno.EPERM: "the folder is not writable",
    errno.EROFS: "the disk is read-only",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.ENOENT: "it is not there",
}


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn an `OSError` into `StorageFailed`: what could not be done, and why, without the machine's paths."""
    try:
        yield
    except OSError as error:
        number = errno.ENOENT if isinstance(error, FileNotFoundError) else error.errno or 0
        reason = DISK_REASONS.get(number) or error.strerror or type(error).__name__
        raise StorageFailed(f"{what}: {reason}") from error


def printable(text: str, longest: int = 80) -> str:
    r"""`text` without control characters and lone surrogates, cut to `longest` characters.

    >>> printable("a\x00b")
    'ab'
    """
    kept = "".join(c for c in text if c.isprintable() and not "\ud800" <= c <= "\udfff")
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"
