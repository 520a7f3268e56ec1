"""The law catalogue: which fine and how many points a flagged act may lead to, on its day."""

from ioc.law.catalogue import Catalogue, catalogue, day_of_act
from ioc.law.penalty import Amounts, Combined, Penalty

__all__ = ["Amounts", "Catalogue", "Combined", "Penalty", "catalogue", "day_of_act"]
