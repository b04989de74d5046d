"""Only Meta gets in: the signature of a body, and the subscription call."""

import hashlib
import hmac

import pytest

from daemon.core.errors import Rejected
from daemon.core.meta.wire import (
    BadSubscription,
    WrongVerifyToken,
    answer_challenge,
    sign_body,
    verify_signature,
)


class TestSignature:
    BODY = b'{"text":"\\u00bfQu\\u00e9?"}'

    def test_is_the_hmac_of_the_bytes_as_received(self) -> None:
        """The signature covers the raw bytes, escapes and all."""
        digest = hmac.new(b"secret", self.BODY, hashlib.sha256).hexdigest()
        assert f"sha256={digest}" == sign_body("secret", self.BODY)
        assert verify_signature("secret", self.BODY, f"sha256={digest}")

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "sha256=",
            "sha256=00",
            "sha1=" + "0" * 40,
            "ñandú",
            "\udc80",
            sign_body("other", BODY),
            sign_body("secret", BODY + b" "),
            sign_body("secret", BODY).removeprefix("sha256="),
        ],
    )
    def test_refuses_anything_else(self, header: str | None) -> None:
        """A missing, broken or foreign signature never passes, and never raises."""
        assert not verify_signature("secret", self.BODY, header)

    def test_an_empty_secret_verifies_nothing(self) -> None:
        """A forgotten secret does not open the door to whoever signs with nothing."""
        assert not verify_signature("", self.BODY, sign_body("", self.BODY))


class TestSubscription:
    QUERY = {  # noqa: RUF012 - read only
        "hub.mode": "subscribe",
        "hub.verify_token": "ours",
        "hub.challenge": "1158201444",
    }

    def test_answers_the_challenge(self) -> None:
        """Meta gets its challenge back."""
        assert answer_challenge(self.QUERY, "ours") == "1158201444"

    @pytest.mark.parametrize("missing", ["hub.mode", "hub.verify_token", "hub.challenge"])
    def test_a_missing_parameter_is_a_bad_request(self, missing: str) -> None:
        """Whoever calls without a parameter is told so, whatever else is right."""
        query = {name: given for name, given in self.QUERY.items() if name != missing}
        with pytest.raises(BadSubscription):
            answer_challenge(query, "ours")

    def test_another_mode_is_a_bad_request(self) -> None:
        """Only subscribing is answered."""
        with pytest.raises(BadSubscription):
            answer_challenge({**self.QUERY, "hub.mode": "unsubscribe"}, "ours")

    @pytest.mark.parametrize("token", ["theirs", "oursñ", "\udc80", "OURS"])
    def test_a_wrong_token_is_refused(self, token: str) -> None:
        """Another token is refused, in any alphabet."""
        with pytest.raises(WrongVerifyToken) as refusal:
            answer_challenge({**self.QUERY, "hub.verify_token": token}, "ours")
        assert isinstance(refusal.value, Rejected)
