"""Verdicts on cards: whose matter an Xid is, what rises, what is only there, and which of several faults is told."""

from dataclasses import replace

import pytest

from engine.core.health import (
    APPLICATION_XIDS,
    CAUSES,
    CONTAINED_XIDS,
    HARDWARE_XIDS,
    Signs,
    Verdict,
    XidClass,
    verdict,
    worse,
    xid_class,
)

WELL = Signs(ecc_uncorrected=0)


def cause(before, now):
    found = verdict(before, now)
    return found.cause if found else None


def test_every_xid_is_of_one_class_and_every_cause_is_known():
    assert not APPLICATION_XIDS & HARDWARE_XIDS.keys()
    assert not CONTAINED_XIDS & (APPLICATION_XIDS | HARDWARE_XIDS.keys())
    assert set(HARDWARE_XIDS.values()) <= set(CAUSES)
    assert [xid_class(xid) for xid in (31, 94, 79, 999)] == [
        XidClass.APPLICATION,
        XidClass.CONTAINED,
        XidClass.HARDWARE,
        XidClass.UNKNOWN,
    ]


@pytest.mark.parametrize("xid", [13, 31, 43, 45, 94, 68, 999, 0, -1])
def test_an_xid_alone_does_not_make_a_card_bad(xid):
    assert verdict(WELL, replace(WELL, xids=(xid,))) is None


@pytest.mark.parametrize(("xid", "told"), [(79, "off-bus"), (48, "ecc"), (74, "nvlink"), (119, "firmware")])
def test_a_hardware_xid_is_a_cause(xid, told):
    assert verdict(WELL, replace(WELL, xids=(13, xid))) == Verdict(cause=told, detail=f"Xid {xid}")


def test_of_several_faults_the_worst_is_told_whatever_their_order():
    assert cause(WELL, Signs(present=False, fault="lost", xids=(63, 79))) == "off-bus"
    assert cause(WELL, Signs(present=False, fault="lost", xids=(79, 63))) == "off-bus"
    assert worse("off-bus", "lost")
    assert not worse("lost", "off-bus")
    assert not worse("lost", "lost")
    assert worse("leak", "a cause of another version")


@pytest.mark.parametrize(
    ("fault", "told"), [("lost", "lost"), ("hang", "driver-hang"), ("stall", "driver-stall"), ("driver", "driver")]
)
def test_a_card_that_cannot_be_read_says_why(fault, told):
    assert cause(WELL, Signs(present=False, fault=fault)) == told
    assert cause(None, Signs(present=False, fault=fault)) == told


def test_a_card_that_is_only_not_there_is_waited_for():
    assert verdict(WELL, Signs(present=False)) is None
    assert verdict(WELL, Signs(present=False, fault="of another version")) is None


def test_uncorrected_errors_count_when_they_rise():
    assert verdict(WELL, replace(WELL, ecc_uncorrected=2)) == Verdict(cause="ecc", detail="2 uncorrected memory errors")
    assert verdict(WELL, replace(WELL, ecc_uncorrected=1)).detail == "1 uncorrected memory error"
    assert verdict(None, replace(WELL, ecc_uncorrected=7)) is None  # from before anybody looked
    assert verdict(replace(WELL, ecc_uncorrected=7), replace(WELL, ecc_uncorrected=7)) is None
    assert verdict(replace(WELL, ecc_uncorrected=7), WELL) is None  # the driver was loaded anew
    assert verdict(replace(WELL, ecc_uncorrected=None), replace(WELL, ecc_uncorrected=7)) is None


def test_marks_that_stay_count_once_and_at_first_sight():
    pending, failed = replace(WELL, remap_pending=True), replace(WELL, remap_failed=True)
    assert cause(None, pending) == "reset-needed"
    assert cause(WELL, pending) == "reset-needed"
    assert cause(pending, pending) is None
    assert cause(None, failed) == "remap-failed"
    assert cause(failed, failed) is None
    assert cause(pending, replace(pending, remap_failed=True)) == "remap-failed"


def test_a_leak_stands_as_long_as_it_is_there():
    leaking = replace(WELL, leaking_mb=9000)
    assert verdict(leaking, leaking) == Verdict(cause="leak", detail="9000 MiB of nobody")
    assert (WELL.well, leaking.well, Signs(present=False).well) == (True, False, False)
