"""What our reader makes of a publication is what the library makes of it."""

import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from twin.sync.publication import publication_of, read_publication

K = ua.VariantType
MOMENTS = st.datetimes(
    min_value=datetime(1500, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def whole(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    """Return whole numbers of a width."""
    low = -(1 << bits - 1) if signed else 0
    return st.integers(low, low + (1 << bits) - 1)


SCALARS: dict[ua.VariantType, st.SearchStrategy[Any]] = {
    K.Boolean: st.booleans(),
    K.SByte: whole(8, signed=True),
    K.Byte: whole(8, signed=False),
    K.Int16: whole(16, signed=True),
    K.UInt16: whole(16, signed=False),
    K.Int32: whole(32, signed=True),
    K.UInt32: whole(32, signed=False),
    K.Int64: whole(64, signed=True),
    K.UInt64: whole(64, signed=False),
    K.Float: st.floats(width=32, allow_nan=False),
    K.Double: st.floats(allow_nan=False),
    K.String: st.none() | st.text(max_size=20),
    K.ByteString: st.none() | st.binary(max_size=20),
    K.DateTime: MOMENTS,
    K.Guid: st.uuids(),
    K.LocalizedText: st.builds(ua.LocalizedText, st.text(max_size=5)),
    K.StatusCode: st.builds(ua.StatusCode, whole(32, signed=False)),
}
VARIANTS = st.one_of(
    st.just(ua.Variant(None, K.Null)),
    *(st.builds(ua.Variant, values, st.just(kind)) for kind, values in SCALARS.items()),
    *(
        st.builds(ua.Variant, st.lists(SCALARS[kind], max_size=3), st.just(kind))
        for kind in (K.Int32, K.Double, K.String, K.Boolean)
    ),
)
VALUES = st.builds(
    ua.DataValue,
    VARIANTS,
    st.none() | st.builds(ua.StatusCode, whole(32, signed=False)),
    st.none() | MOMENTS,
    st.none() | MOMENTS,
)
ITEMS = st.builds(ua.MonitoredItemNotification, whole(32, signed=False), VALUES)
PARTS = st.one_of(
    st.builds(ua.DataChangeNotification, st.lists(ITEMS, max_size=6)),
    st.builds(ua.DataChangeNotification, st.lists(ITEMS, max_size=6)),
    st.builds(ua.StatusChangeNotification, st.just(ua.StatusCode(ua.StatusCodes.BadTimeout))),
)


@st.composite
def answers(draw: st.DrawFn) -> ua.PublishResponse:
    """Return answers to Publish, seldom with what is not usual."""
    answer = ua.PublishResponse()
    answer.TypeId = ua.FourByteNodeId(ua.ObjectIds.PublishResponse_Encoding_DefaultBinary)
    if draw(st.integers(0, 9)) == 0:
        answer.ResponseHeader.StringTable = ["a word"]
    found = answer.Parameters
    found.SubscriptionId = draw(whole(32, signed=False))
    found.AvailableSequenceNumbers = draw(st.lists(whole(32, signed=False), max_size=3))
    found.MoreNotifications = draw(st.booleans())
    found.NotificationMessage.SequenceNumber = draw(whole(32, signed=False))
    found.NotificationMessage.PublishTime = draw(MOMENTS)
    found.NotificationMessage.NotificationData = draw(st.lists(PARTS, max_size=2))
    found.Results = [ua.StatusCode(0)] * draw(st.integers(0, 2))
    return answer


@given(answers())
def test_both_readers_agree(answer: ua.PublishResponse) -> None:
    """Every type, array, missing part and unusual header comes out as the library reads it."""
    data = struct_to_binary(answer)
    found = struct_from_binary(ua.PublishResponse, Buffer(data)).Parameters
    expected = publication_of(
        found.NotificationMessage, found.SubscriptionId, more=found.MoreNotifications
    )
    assert read_publication(Buffer(data)) == expected
    assert [type(change[1]) for change in read_publication(Buffer(data)).changes] == [
        type(change[1]) for change in expected.changes
    ]


@given(answers(), st.data())
def test_what_is_cut_short_is_never_read_in_part(answer: ua.PublishResponse, data: Any) -> None:
    """An answer that ends too early is an error, unless all its values are there."""
    whole_answer = struct_to_binary(answer)
    cut = data.draw(st.integers(0, len(whole_answer) - 1))
    expected = read_publication(Buffer(whole_answer))
    try:
        found = read_publication(Buffer(whole_answer[:cut]))
    except (ValueError, struct.error, TypeError):
        return
    assert found == expected


def _one(value: bytes) -> bytes:
    """Return an answer with one value, as it comes over the wire."""
    body = struct.pack("<i", 1) + value + struct.pack("<i", -1)
    return b"".join((
        b"\x01\x00\x3d\x03", struct.pack("<qIIBi3s", 0, 1, 0, 0, -1, b"\0\0\0"),
        struct.pack("<Ii", 7, -1), struct.pack("<?Iqi", False, 3, 0, 1),
        b"\x01\x00\x2b\x03\x01", struct.pack("<i", len(body)), body, struct.pack("<ii", -1, -1),
    ))  # fmt: skip


def test_picoseconds_stand_where_the_standard_has_them() -> None:
    """Each follows its own time; the library reads the second time from the wrong place."""
    value = struct.pack("<IBBIqHqH", 5, 0x3D, K.UInt32.value, 42, 10_000_000, 9, 20_000_000, 8)
    (change,) = read_publication(Buffer(_one(value))).changes
    times = [datetime(1601, 1, 1, 0, 0, second, tzinfo=UTC) for second in (1, 2)]
    assert change == (5, 42, 0, *times)


@pytest.mark.parametrize("length", [-2, 1000, 2**31 - 1])
def test_text_of_an_impossible_length(length: int) -> None:
    """Nothing is read beyond the end of an answer."""
    value = struct.pack("<IBBi", 5, 1, K.String.value, length) + b"abc"
    with pytest.raises((ValueError, struct.error)):
        read_publication(Buffer(_one(value)))


@pytest.mark.parametrize("length", [-6, -1000])
def test_bytes_that_end_before_they_begin(length: int) -> None:
    """A server cannot make us read the same value again and again."""
    value = struct.pack("<IBBi", 5, 1, K.ByteString.value, length) + b"abc"
    with pytest.raises((ValueError, struct.error)):
        read_publication(Buffer(_one(value)))


def test_refusal_is_raised() -> None:
    """A service result that is bad is the server's answer."""
    data = bytearray(_one(struct.pack("<IB", 5, 0)))
    data[16:20] = struct.pack("<I", ua.StatusCodes.BadNoSubscription)
    with pytest.raises(ua.uaerrors.BadNoSubscription):
        read_publication(Buffer(bytes(data)))
