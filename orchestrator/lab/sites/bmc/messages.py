"""Error bodies: messages of the Base registry by id (Redfish DSP0266, error responses), in our own words."""

from __future__ import annotations

from typing import Any

REGISTRY = "Base.1.4"

_TEXTS = {
    "Success": ("The request was carried out.", "OK"),
    "GeneralError": ("The request failed; the resolution says more.", "Critical"),
    "InternalError": ("The service failed at this request and goes on.", "Critical"),
    "MalformedJSON": ("The request's body is not JSON.", "Critical"),
    "UnrecognizedRequestBody": ("The request's body is not what this resource takes.", "Warning"),
    "NoOperation": ("The request's body changes nothing.", "Warning"),
    "EmptyJSON": ("The request's body holds nothing to do.", "Warning"),
    "PropertyUnknown": ("This resource has no property %1.", "Warning"),
    "PropertyNotWritable": ("The property %1 cannot be changed.", "Warning"),
    "PropertyMissing": ("The property %1 is missing.", "Warning"),
    "PropertyValueTypeError": ("The value %1 of the property %2 is of a wrong type.", "Warning"),
    "PropertyValueFormatError": ("The value %1 of the property %2 has a wrong form.", "Warning"),
    "PropertyValueNotInList": ("The value %1 of the property %2 is none of its values.", "Warning"),
    "ActionNotSupported": ("There is no action %1 here.", "Critical"),
    "ActionParameterMissing": ("The action %1 needs the parameter %2.", "Critical"),
    "ActionParameterUnknown": ("The action %1 has no parameter %2.", "Warning"),
    "ActionParameterValueTypeError": ("The value %1 of the parameter %2 of %3 is of a wrong type.", "Warning"),
    "ActionParameterValueFormatError": ("The value %1 of the parameter %2 of %3 has a wrong form.", "Warning"),
    "ActionParameterNotSupported": ("The parameter %1 of the action %2 is not supported here.", "Warning"),
    "QueryNotSupported": ("Queries are not supported.", "Warning"),
    "SessionLimitExceeded": ("There are too many sessions.", "Critical"),
    "ResourceCannotBeDeleted": ("This resource cannot be deleted.", "Critical"),
    "ResourceInUse": ("The resource is in use or changing, and does not allow this now.", "Warning"),
    "ResourceAlreadyExists": ("A %1 whose %2 is %3 exists already.", "Critical"),
    "ResourceMissingAtURI": ("There is no resource at %1.", "Critical"),
    "ResourceAtUriUnauthorized": ("The resource at %1 cannot be had: %2.", "Critical"),
    "CouldNotEstablishConnection": ("No connection could be made to %1.", "Critical"),
    "SourceDoesNotSupportProtocol": ("%1 is not reached by the protocol %2.", "Critical"),
    "AccessDenied": ("Access to %1 is denied.", "Critical"),
    "NoValidSession": ("The request has no valid session or login.", "Critical"),
    "InsufficientPrivilege": ("The account has no privilege for this.", "Critical"),
    "CreateLimitReachedForResource": ("There can be no more of these.", "Critical"),
}


class Denial(Exception):
    """A request that is answered with an error: its HTTP status, and the message that says why."""

    def __init__(self, status: int, message: str, *values: str, resolution: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self._message = message
        self._values = values
        self._resolution = resolution

    def body(self) -> dict[str, Any]:
        """The error as DSP0266 has it: a code, a message, and the extended information."""
        told = extended(self._message, *self._values, resolution=self._resolution)
        return {"error": {
            "code": told["MessageId"], "message": told["Message"], "@Message.ExtendedInfo": [told],
        }}  # fmt: skip


def extended(message: str, *values: str, resolution: str = "") -> dict[str, Any]:
    """One message with its values, as ExtendedInfo carries it."""
    text, severity = _TEXTS[message]
    for number, value in enumerate(values, start=1):
        text = text.replace(f"%{number}", value)
    return {
        "@odata.type": "#Message.v1_1_1.Message",
        "MessageId": f"{REGISTRY}.{message}",
        "Message": text,
        "MessageArgs": list(values),
        "Severity": severity,
        "MessageSeverity": severity,
        "Resolution": resolution or "None.",
    }


def success() -> dict[str, Any]:
    """The body of a change that went well."""
    return {"@Message.ExtendedInfo": [extended("Success")]}
