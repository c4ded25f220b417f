"""For all tiers."""

from __future__ import annotations

import signal

# A test run that was begun in the background or under nohup ignores these, and so would every program it starts: but
# what a command does when it is interrupted is tested as a person at a terminal meets it.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)
