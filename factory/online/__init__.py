"""Online detectors: they see rows one by one, and say after each whether something changed.

A detector of ``ONLINE`` is a class with the form of ``factory.online.protocol.Online``, one line
in the table. ``check.online`` names the one that is used; it is fitted at training, kept with the
version, and fed by ``factory watch``. ``one_false_alarm_per`` is the expected run time: without
drift there is one false alarm per that many rows, on average, if rows are exchangeable. Rows that
hang together in time alarm more often.

Ours need time and memory per row that do not grow with the stream. Those of river and of
alibi-detect need these packages.
"""

from collections.abc import Mapping

ONLINE: Mapping[str, str] = {
    "adwin": "factory.online.adwin:Adwin",
    "alibi_cvm": "factory.online.alibi:AlibiCVM",
    "alibi_fet": "factory.online.alibi:AlibiFET",
    "alibi_lsdd": "factory.online.alibi:AlibiLSDD",
    "alibi_mmd": "factory.online.alibi:AlibiMMD",
    "cvm": "factory.online.cvm:CVM",
    "fet": "factory.online.fet:FET",
    "kswin": "factory.online.kswin:KSWin",
    "lsdd": "factory.online.lsdd:LSDD",
    "mmd": "factory.online.mmd:MMD",
    "page_hinkley": "factory.online.page_hinkley:PageHinkley",
}
