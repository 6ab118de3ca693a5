"""Every reason for which a line or a file is not taken, and the exceptions that carry them."""

from __future__ import annotations

from enum import StrEnum

from icon_assets.errors import UserError


class Reason(StrEnum):
    """A code for the quarantine and the ledger; `text` says in one line what it means."""

    text: str

    def __new__(cls, code: str, text: str) -> Reason:
        """Called by Enum with each member's code and text."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.text = text
        return member

    # A line, quarantined alone.
    NOT_UTF8 = "not_utf8", "The line is not valid UTF-8."
    NOT_JSON = "not_json", "The line is not exactly one JSON document."
    NOT_OBJECT = "not_object", "The line is JSON, but not an object."
    LINE_TOO_LONG = "line_too_long", "The line is longer than 1 MiB; only its beginning is kept."
    TOO_DEEP = "too_deep", "Objects and arrays are nested deeper than 32."
    BAD_KEYS = "bad_keys", "More than 256 keys, or a key that is empty or longer than 255 characters."
    DUPLICATE_KEY = "duplicate_key", "A key occurs twice in one object."
    MISNAMED_FIELD = "misnamed_field", "A field's name differs from a field of the contract in its case only."
    BAD_CHARACTER = "bad_character", "A string holds a NUL character or half a surrogate pair."
    HEADER_REPEATED = "header_repeated", "A second header line."
    UNKNOWN_TYPE = "unknown_type", "The event's type is missing or not one of the contract."
    TYPE_NOT_OF_SOURCE = (
        "type_not_of_source",
        "The contract does not let this source send this type of event.",
    )
    MISSING_FIELD = "missing_field", "A required field is absent or null."
    WRONG_TYPE = "wrong_type", "A field has another JSON type than the contract says."
    OUT_OF_RANGE = "out_of_range", "A number outside its range."
    TOO_LONG = "too_long", "A string longer than the contract allows."
    NOT_A_VALUE = "not_a_value", "A string that is none of the values that the contract lists."
    BAD_GUID = "bad_guid", "A GUID that is not printable ASCII of the allowed length, or consists of zeros."
    BAD_TIME = (
        "bad_time",
        "A time that is neither RFC 3339 UTC with milliseconds nor epoch ms of 2000 to 2099.",
    )
    TIME_IN_FUTURE = "time_in_future", "A time more than one day ahead of the loader's clock."

    CONFLICT = "conflict", "A line of the same key is there with other content; the first one stays."

    # A file that may yet become whole.
    EMPTY = "empty", "The file holds nothing."
    NO_HEADER = "no_header", "The first line is not, or not yet, a header."
    CUT_STREAM = "cut_stream", "The compressed stream ends before its end."
    CUT_LINE = "cut_line", "The last line ends in the middle."
    FEWER_EVENTS = "fewer_events", "Fewer lines than the header's `events`."
    FILE_GREW = "file_grew", "The file changed while it was read."

    # A file that never will.
    BAD_NAME = "bad_name", "A name, or a folder's name, outside [A-Za-z0-9._-]{1,120}."
    NOT_REGULAR = "not_regular", "Not a regular file with one name: a link, folder, pipe, socket or device."
    CORRUPT_STREAM = "corrupt_stream", "The compressed stream is damaged or its checksum is wrong."
    TRAILING_GARBAGE = "trailing_garbage", "Bytes after the end of the compressed stream."
    OTHER_FORMAT = "other_format", "An archive, a doubly compressed file, or UTF-16 or UTF-32 text."
    NUL_BLOCK = "nul_block", "A block of NUL bytes, as a crashed disk leaves it."
    ENDLESS_LINE = "endless_line", "A line longer than 64 MiB."
    TOO_LARGE = "too_large", "Inflates beyond the limits of ratio or size."
    BAD_HEADER = "bad_header", "The header line is broken, or a field of it is."
    UNKNOWN_CONTRACT = "unknown_contract", "The header names another contract."
    UNKNOWN_SOURCE = "unknown_source", "The header names a source that the contract does not know."
    MORE_EVENTS = "more_events", "More lines than the header's `events`."

    OTHER_CONTENT = "other_content", "The ledger has a batch of this identity with other content."

    # A file that cannot be read just now.
    GONE = "gone", "The file vanished after it was listed."
    REPLACED = "replaced", "Another file took this one's place while it was read."
    OS_ERROR = "os_error", "The operating system or the object store reported an error."
    STALLED = (
        "stalled",
        "The storage did not answer for minutes; it is asked again later, other files meanwhile.",
    )


class FileProblem(Exception):  # noqa: N818  # most are no errors: the file has to wait
    """Why a file cannot be loaded. `detail` holds names and limits, never values of the data."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class Incomplete(FileProblem):
    """WAIT: look again later, for the writer may not have finished."""


class Refused(FileProblem):
    """Quarantine the whole file: it will not get better."""


class Unreadable(FileProblem):
    """RETRY: the fault lies with the way to the file, not with the file."""


class LandingError(UserError):
    """The landing zone itself cannot be used; the message says why and what to do."""
