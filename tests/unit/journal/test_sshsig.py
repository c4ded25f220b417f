"""SSH signatures and allowed_signers, with a fixed key: the bytes never change."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestrator.errors import EvidenceError
from orchestrator.journal.allowed_signers import find_signer, parse_allowed_signers
from orchestrator.journal.sealing import statement
from orchestrator.journal.signing import SigningKey, check_signature
from orchestrator.journal.sshsig import armor, dearmor, fingerprint, public_from_line, public_line, signed_data

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = SigningKey(PRIVATE, PRIVATE.public_key().public_bytes_raw(), "holdfast@ops1")
NOW = datetime(2026, 5, 1, tzinfo=UTC)

MESSAGE = statement("r1", 57, "ab" * 32)

# What ssh-keygen (OpenSSH 9.2) makes of the same private key and message: -y, -l and -Y sign -n holdfast.
LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 holdfast@ops1"
FINGERPRINT = "SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg"
SIGNATURE = """\
-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgA6EHv/POEL4dcN0Y50vAmWfk1j
CbpQ1fHdyGZBJVMbgAAAAIaG9sZGZhc3QAAAAAAAAABnNoYTUxMgAAAFMAAAALc3NoLWVk
MjU1MTkAAABA14bWVzZ1qa/xvldMxfLSZsvCL/jGf3M8SK137X8jZqqAF8eSnIa6yweIeC
XugPWrQ1eaHRkNLxsqUWVt9hTyDg==
-----END SSH SIGNATURE-----
"""


def test_the_statement_is_fixed() -> None:
    assert MESSAGE == (b'{"count":57,"format":"holdfast-seal-1","head":"' + b"ab" * 32 + b'","run_id":"r1"}\n')


def test_what_is_signed_is_bound_to_the_namespace() -> None:
    digest = hashlib.sha512(MESSAGE).digest()
    assert signed_data(MESSAGE, "holdfast") == (
        b"SSHSIG" + b"\0\0\0\x08holdfast" + b"\0\0\0\0" + b"\0\0\0\x06sha512" + b"\0\0\0\x40" + digest
    )


def test_a_signature_is_byte_for_byte_the_one_that_openssh_makes() -> None:
    assert KEY.sign(MESSAGE) == SIGNATURE
    assert armor(dearmor(SIGNATURE)) == SIGNATURE
    assert check_signature(MESSAGE, SIGNATURE, "seal.json") == KEY.public


@pytest.mark.parametrize(
    ("message", "armored", "why"),
    [
        (MESSAGE + b" ", KEY.sign(MESSAGE), "what was signed is not what is there"),
        (MESSAGE, KEY.sign(MESSAGE, "file"), "made for 'file', not for 'holdfast'"),
        (MESSAGE, "", "not an SSH signature"),
        (MESSAGE, KEY.sign(MESSAGE).replace("SSH SIGNATURE", "PGP SIGNATURE"), "not an SSH signature"),
        (MESSAGE, "\n".join([*SIGNATURE.splitlines()[:2], "-----END SSH SIGNATURE-----"]), "base64|cut off"),
        (MESSAGE, KEY.sign(MESSAGE).replace("U1NI", "U1NJ", 1), "version 1"),
    ],
)
def test_a_signature_that_does_not_hold_is_refused(message: bytes, armored: str, why: str) -> None:
    with pytest.raises(EvidenceError, match=why) as caught:
        check_signature(message, armored, "seal.json")
    assert caught.value.first_bad == "seal.json"


def test_a_public_key_line_and_its_fingerprint_are_opensshs() -> None:
    assert KEY.line == LINE
    assert public_from_line(LINE) == KEY.public
    assert fingerprint(KEY.public) == FINGERPRINT
    with pytest.raises(ValueError, match="not an ssh-ed25519 key"):
        public_from_line("ssh-rsa AAAA")


def test_our_own_line_trusts_the_key_for_our_namespace_only() -> None:
    (signer,) = parse_allowed_signers(KEY.allowed_signers)
    assert find_signer([signer], KEY.public, NOW) is signer
    assert find_signer([signer], KEY.public, NOW, namespace="git") is None
    assert find_signer([signer], bytes(32), NOW) is None


@pytest.mark.parametrize(
    ("options", "trusted"),
    [
        ("", True),
        ('namespaces="git,hold*" ', True),
        ('namespaces="git" ', False),
        ('valid-before="20260501Z" ', True),
        ('valid-before="20260430Z" ', False),
        ('valid-after="202605010000Z",namespaces="holdfast" ', True),
        ('valid-after="20260501000001Z" ', False),
        ("cert-authority ", False),
    ],
)
def test_the_options_of_a_signer_count(options: str, trusted: bool) -> None:
    text = f"# our keys\n\nli@example.com,wang {options}{public_line(KEY.public)} comment here\n"
    signers = parse_allowed_signers(text)
    assert (find_signer(signers, KEY.public, NOW) is not None) is trusted


@pytest.mark.parametrize(
    "line", ["li", "li unknown-option ssh-ed25519 AAAA", "li ssh-ed25519 AAAA", "li ssh-ed25519 !"]
)
def test_a_line_that_can_not_be_read_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2: "):
        parse_allowed_signers(f"{KEY.allowed_signers}{line}\n")


def test_other_kinds_of_keys_are_passed_over() -> None:
    assert parse_allowed_signers("li ssh-rsa AAAAB3NzaC1yc2E\n") == []
