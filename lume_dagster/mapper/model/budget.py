"""The purse of one call: what it may use, has used, and the refusal before it is too much."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from lume_dagster.errors import InvalidRequestError
from lume_dagster.mapper.model.settings import ModelSettings
from lume_dagster.mapper.model.values import Spent

_CENTS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a first round would use at most; repairs come on top, and the budget holds for all."""

    requests: int
    input_tokens: int
    output_tokens: int
    price: Decimal | None  # None where the model's price is not known

    @property
    def tokens(self) -> int:
        """In and out together."""
        return self.input_tokens + self.output_tokens


class BudgetUsedUpError(InvalidRequestError):
    """The next request could cost more than is left."""


def price_of(settings: ModelSettings, input_tokens: int, output_tokens: int) -> Decimal | None:
    """In dollars, by the price list that came with genai-prices; None for an unknown model."""
    if settings.known.prices is None:
        return None
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        found = calc_price(usage, settings.model, provider_id=settings.known.prices)
    except LookupError:
        return None
    return found.total_price


@dataclass(slots=True)
class Purse:
    """Counts what a call uses; tries whose answer never came too, as they may be billed."""

    settings: ModelSettings
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    unanswered: int = 0  # input tokens of tries that were sent and not answered

    @property
    def spent(self) -> Spent:
        """So far."""
        price = price_of(self.settings, self.input_tokens, self.output_tokens)
        return Spent(self.requests, self.input_tokens, self.output_tokens, price)

    def pay(self, input_tokens: int, output_tokens: int) -> None:
        """A request was answered."""
        self.requests += 1
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens

    def allow(self, input_tokens: int, output_tokens: int, requests: int = 1) -> None:
        """Refuse what could go over the budget, before anything is sent.

        Raises:
            BudgetUsedUpError: says by how much.
        """
        budget = self.settings.budget
        used_in = self.input_tokens + self.unanswered
        tokens = used_in + self.output_tokens + input_tokens + output_tokens
        asked = f"{requests} request{'s' if requests > 1 else ''} of up to "
        asked += f"{input_tokens + output_tokens:,} tokens"
        if tokens > budget.tokens:
            left = max(0, budget.tokens - used_in - self.output_tokens)
            raise BudgetUsedUpError(
                f"{self.settings.name}: {asked} would go over the budget: "
                f"{left:,} of {budget.tokens:,} tokens are left.",
                hint="allow more tokens, or ask for fewer fields.",
            )
        price = price_of(self.settings, used_in + input_tokens, self.output_tokens + output_tokens)
        if budget.price is not None and price is not None and price > budget.price:
            raise BudgetUsedUpError(
                f"{self.settings.name}: {asked} could bring the price to "
                f"${price.quantize(_CENTS)}, and ${budget.price} are allowed.",
                hint="allow a higher price, or ask for fewer fields.",
            )
