"""Who may come in: one account, and the tokens that were given to it."""

import hmac
import threading


class TokenDesk:
    """Gives out tokens and checks them; safe to use from several threads.

    token_requests: each token serves so many requests and is refused after that; None: for ever.
    """

    def __init__(self, email: str, password: str, token_requests: int | None = None) -> None:
        self.email = email
        self.password: str | None = password
        self.token_requests = token_requests
        self._lock = threading.Lock()
        self._given = 0
        self._used: dict[str, int] = {}

    def login(self, email: str, password: str) -> str | None:
        """Return a new token, None when e-mail or password are wrong."""
        with self._lock:
            if self.password is None or email.lower() != self.email.lower():
                return None
            if not hmac.compare_digest(password.encode(), self.password.encode()):
                return None
            self._given += 1
            token = f"sandbox-token-{self._given:06d}"
            self._used[token] = 0
            return token

    def admits(self, token: str) -> bool:
        """Return whether the token is good, and count the request."""
        with self._lock:
            used = self._used.get(token)
            if used is None or (self.token_requests is not None and used >= self.token_requests):
                return False
            self._used[token] = used + 1
            return True

    def revoke(self) -> None:
        """End all tokens; a new login gives a new one."""
        with self._lock:
            self._used.clear()

    def lockout(self) -> None:
        """End all tokens and refuse every login from now on."""
        with self._lock:
            self._used.clear()
            self.password = None
