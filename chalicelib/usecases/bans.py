"""An exchange's ban, told to every process (one account's key is used by all of them)."""

import logging
from datetime import datetime

from chalicelib.domain.errors import StaleRowError, TradingError
from chalicelib.domain.ports import Change, Insert, Update
from chalicelib.domain.strategies import Ban, ban_name
from chalicelib.usecases.catalog import commit_touching
from chalicelib.usecases.services import Services

logger = logging.getLogger(__name__)

_CONFLICTS = 5


async def record_ban(services: Services, account_id: str, blocked_until: datetime) -> None:
    """Store the ban and raise the versions of the strategies that use the account, so that a warm process
    learns of it from the very transaction of its next alert. A ban that could not be stored is learned again."""
    for _ in range(_CONFLICTS):
        try:
            old = await services.store.get(Ban, ban_name(account_id))
            if old is not None and old.blocked_until >= blocked_until:
                return
            new = Ban(
                name=ban_name(account_id),
                blocked_until=blocked_until,
                updated_at=services.clock.now(),
                version=old.version + 1 if old else 1,
            )
            write: Change = Update(old, new) if old else Insert(new)
            await commit_touching(services, account_id, write)
        except StaleRowError:
            continue
        except TradingError as error:
            logger.warning("a ban was not stored: %s", error, extra={"account_id": account_id})
            return
        logger.warning("the exchange wants to be left alone", extra={"account_id": account_id, "until": blocked_until})
        return
