"""Reads the account of the demo and checks what it promises. Usage: demo_account.py DEMO.json DEMO.html"""

import json
import pathlib
import sys

account = json.loads(pathlib.Path(sys.argv[1]).read_text())
page = pathlib.Path(sys.argv[2]).read_text()
passed = 0


def check(what, holds):
    global passed
    if not holds:
        raise SystemExit(f"FAILED: {what}")
    passed += 1
    print(f"ok: {what}")


check("twelve houses", len(account["houses"]) == 12)
check("two of them relay", sum(house["role"] == "relay" for house in account["houses"]) == 2)
check("three nodes and a client were asked", len(account["asked"]) == 4)
check("all gave the same answer to the last digit", len({a["sha256"] for a in account["asked"]}) == 1)
check("thousands of marks of people were planted", account["canaries"]["planted"] > 10_000)
check("none of them left", account["canaries"]["hits"] == 0)
check("eight quarters passed", len(account["quarters"]) == 8)
check("some cells waited and were told later", len(account["waited"]) > 0)
check("some people withdrew, and a group said no", account["withdrawals"] > 0 and account["refusing_groups"] > 0)
check("groups were founded from templates that arrived", account["groups_from_arrived_templates"] > 0)
check("every house told something about itself and no house much", all(0 < h["bytes"] < 200_000 for h in account["houses"]))
check("small centres count in pools", any(pool["stage"] == "told" for pool in account["pools"]))
check("every pool told is over five centres at least", all(len(centres) == 0 or len(centres) >= 5 for centres in account["pooled_centres"]))
check("too few answers gave no score", account["unscored"] >= 0)
check("the page asks nothing of the network", "http://" not in page.replace("http://www.w3.org/", "") and "https://" not in page)
check("the page has a plot and no script", "<svg" in page and "<script" not in page)
check("under two minutes, on a machine with other work too", account["seconds"] < 120)
print(f"{passed} passed, 0 failed")
