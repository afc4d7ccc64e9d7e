"""What can go wrong with Tesla's cloud, beside what can with a gateway."""

from __future__ import annotations

from proxy.core.errors import GatewayError, Scope


class AccountRefused(GatewayError):
    """The cloud refuses the account, the application or the site: 402, 403, 412, 423, 451.

    Only the owner can change that. The driver sends nothing for an hour; it is called sooner, so that
    it notices a new sign-in.
    """

    status = 503
    title = "The cloud refuses this account"
    scope = Scope.LINK
    cooldowns_s = (60.0,)


class SignInRequired(AccountRefused):
    """The refresh token is used up, expired or revoked: the owner has to sign in again."""

    title = "The cloud requires a new sign-in"


class TokensNotSaved(GatewayError):
    """New tokens could not be written to disk; they are not used until they are."""

    status = 503
    title = "The tokens of the cloud cannot be saved"
    scope = Scope.LINK
    cooldowns_s = (5.0, 10.0, 20.0, 40.0, 60.0)


class BudgetSpent(GatewayError):
    """The requests of the month, or this day's part of them, are used up."""

    status = 503
    title = "The month's requests to the cloud are used up"
    permits_commands = True  # a part of the budget is theirs
    scope = Scope.LINK
    cooldowns_s = (300.0,)
