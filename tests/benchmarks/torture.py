"""The torture test at any size: `python tests/benchmarks/torture.py --customers 200 --kills 60`.

Prints what became of every message; exits 1 when one was lost, answered twice, or out of order.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.doubles.customers import KEPT
from tests.doubles.ordeal import Ordeal, torture


def main() -> int:
    """Run one ordeal and print its outcome."""
    options = _parse()
    # The sandbox's server complains of every connection that a killed daemon leaves behind.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    ordeal = Ordeal(options.customers, options.questions, options.kills, seed=options.seed)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(torture(Path(folder), ordeal, settle_within_s=600))
    account = outcome.account
    print(f"{account.asked} messages of {ordeal.customers} customers, {outcome.kills} kills,")
    print(f"{time.monotonic() - started:.0f} s, {outcome.turns} answers")
    print(f"  answered once       {account.answered - len(account.twice)}")
    print(f"  parked, visible     {len(account.parked)} {outcome.parked_for}")
    for name, found in account.faults.items():
        print(f"  {name:<19} {len(found)} {list(found[:10]) if found else ''}")
    for name, count in outcome.counters.items():
        print(f"  sandbox {name:<22} {count}")
    return 0 if account.faults == KEPT else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Torture the daemon and account for it.")
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--questions", type=int, default=20, help="of each customer")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
