#!/usr/bin/env python3
"""Writes Parquet files of every type, encoding and compression, and what each cell has to become: write.py FOLDER"""
import base64
import csv
import datetime
import decimal
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption

FOLDER = sys.argv[1]
UTC = datetime.timezone.utc
IDS = ["1E0578FE110F18B4AAC235C0C8460B%02X" % n for n in range(256)]


def column(name, kind, values, texts):
    """A column of values (None is a null), and the texts that the table in the guide gives for them."""
    return name, pa.array(values, kind), [*texts]


def plain_columns():
    moment = datetime.datetime(2026, 11, 20, 6, 0, 0, 120000)
    day = datetime.date(2026, 11, 20)
    D = decimal.Decimal
    yield column("i8", pa.int8(), [-128, None, 127], ["-128", "", "127"])
    yield column("u8", pa.uint8(), [0, None, 255], ["0", "", "255"])
    yield column("i16", pa.int16(), [-32768, None, 32767], ["-32768", "", "32767"])
    yield column("u16", pa.uint16(), [0, None, 65535], ["0", "", "65535"])
    yield column("i32", pa.int32(), [-2**31, None, 2**31 - 1], ["-2147483648", "", "2147483647"])
    yield column("u32", pa.uint32(), [0, None, 2**32 - 1], ["0", "", "4294967295"])
    yield column("i64", pa.int64(), [-2**63, None, 2**63 - 1], ["-9223372036854775808", "", "9223372036854775807"])
    yield column("u64", pa.uint64(), [0, None, 2**64 - 1], ["0", "", "18446744073709551615"])
    yield column("f32", pa.float32(), [0.1, None, 1e20], ["0.1", "", "1E+20"])
    yield column("f64", pa.float64(), [0.1, float("nan"), float("-inf")], ["0.1", "NaN", "-inf"])
    yield column("truth", pa.bool_(), [True, None, False], ["true", "", "false"])
    yield column("text", pa.string(), ["a,b", None, 'say "hi"\r\n李娜'], ["a,b", "", 'say "hi"\r\n李娜'])
    yield column("large", pa.large_string(), ["", "x", None], ["", "x", ""])
    yield column("bytes", pa.binary(), [b"text", None, b"\x1e\xff"], ["text", "", "1EFF"])
    yield column("fixed", pa.binary(3), [b"abc", None, b"\0\1\2"], ["616263", "", "000102"])
    yield column("date", pa.date32(), [day, None, datetime.date(1969, 12, 31)], ["2026-11-20", "", "1969-12-31"])
    yield column("time_ms", pa.time32("ms"), [datetime.time(14), None, datetime.time(1, 2, 3, 4000)],
                 ["14:00:00.000", "", "01:02:03.004"])
    yield column("time_us", pa.time64("us"), [datetime.time(14), None, datetime.time(1, 2, 3, 4)],
                 ["14:00:00.000000", "", "01:02:03.000004"])
    for unit, digits in (("ms", "120"), ("us", "120000"), ("ns", "120000000")):
        text = "2026-11-20T06:00:00." + digits
        yield column("local_" + unit, pa.timestamp(unit), [moment, None, None], [text, "", ""])
        yield column("utc_" + unit, pa.timestamp(unit, "Asia/Shanghai"), [moment.replace(tzinfo=UTC), None, None],
                     [text + "Z", "", ""])
    yield column("money", pa.decimal128(9, 2), [D("12.30"), None, D("-0.05")], ["12.30", "", "-0.05"])
    yield column("large_money", pa.decimal128(38, 4), [D("1234567890123456789012345678901234.5678"), None, D("-1")],
                 ["1234567890123456789012345678901234.5678", "", "-1.0000"])
    yield column("huge_money", pa.decimal256(60, 0), [D(10) ** 50, None, -(D(10) ** 50)],
                 ["1" + "0" * 50, "", "-1" + "0" * 50])
    yield column("word", pa.dictionary(pa.int32(), pa.string()), ["red", None, "red"], ["red", "", "red"])
    yield column("nothing", pa.null(), [None, None, None], ["", "", ""])


def nested_columns():
    pair = pa.struct([("a", pa.int32()), ("b", pa.string())])
    yield column("list", pa.list_(pa.int64()), [[1, None, 3], None, []], ["[1,null,3]", "", "[]"])
    yield column("struct", pair, [{"a": 1, "b": "x"}, None, {"a": None, "b": None}],
                 ['{"a":1,"b":"x"}', "", '{"a":null,"b":null}'])
    yield column("map", pa.map_(pa.string(), pa.int32()), [[("k", 1), ("l", None)], None, []],
                 ['{"k":1,"l":null}', "", "{}"])
    yield column("deep", pa.list_(pa.struct([("xs", pa.list_(pa.list_(pa.string()))), ("n", pa.float64())])),
                 [[{"xs": [["a"], [], None, ["b", None]], "n": 1.5}, None, {"xs": None, "n": float("nan")}], [], None],
                 ['[{"xs":[["a"],[],null,["b",null]],"n":1.5},null,{"xs":null,"n":"NaN"}]', "[]", ""])
    yield column("keyed", pa.map_(pa.int32(), pa.list_(pa.date32())),
                 [[(7, [datetime.date(2026, 11, 20), None])], [], None], ['{"7":["2026-11-20",null]}', "{}", ""])
    yield column("pairs", pa.large_list(pair), [[{"a": 1, "b": 'q"'}], [None], []],
                 ['[{"a":1,"b":"q\\""}]', "[null]", "[]"])


def sample():
    """samples/inputs/orders.parquet"""
    rows = pa.table({
        "order": ["A-10001", "A-10002"],
        "Message ID": ["0A15030B110F18B4AAC264BE6C450BA2", "0A15030C140018B4AAC264BE73D821D1"],
        "topic": ["orders", "orders"],
        "amount": pa.array([decimal.Decimal("5.00"), decimal.Decimal("12.50")], pa.decimal128(9, 2)),
        "paid at": pa.array([datetime.datetime(2026, 11, 20, 5, 30), None], pa.timestamp("ms", "UTC")),
        "items": [["5\" screen"], []],
    })
    pq.write_table(rows, f"{FOLDER}/orders.parquet")


def table(columns, times):
    """The rows three at a time, repeated, with message IDs."""
    rows = 3 * times
    ids = [IDS[n % 256][:-6] + "%06X" % n for n in range(rows)]
    names = ["Message ID", "topic"] + [name for name, *_ in columns]
    arrays = [pa.array(ids), pa.array(["orders"] * rows)]
    arrays += [pa.concat_arrays([array] * times) if times > 1 else array for _, array, _ in columns]
    cells = [ids, ["orders"] * rows] + [texts * times for *_, texts in columns]
    return pa.table(arrays, names=names), names, list(zip(*cells))


def save(name, columns, times=1, **options):
    data, names, rows = table(columns, times)
    pq.write_table(data, f"{FOLDER}/{name}.parquet", **options)
    with open(f"{FOLDER}/{name}.csv", "w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def main():
    sample()
    plain, nested = [*plain_columns()], [*nested_columns()]
    everything = plain + nested
    for codec in ("none", "snappy", "gzip", "zstd"):
        for version in ("1.0", "2.0"):
            for words in (True, False):
                name = f"all-{codec}-{version[0]}-{'dictionary' if words else 'plain'}"
                save(name, everything, 7, compression=codec, data_page_version=version, use_dictionary=words)
    save("types", plain, compression="none")
    save("nested", nested, compression="none")
    save("one-group", everything, 20000, compression="zstd", row_group_size=60000, data_page_size=4096)
    save("many-groups", everything, 40, row_group_size=7, write_page_checksum=True)
    save("without-rows", [(name, array[:0], []) for name, array, _ in everything], 0)
    save("int96", [column("when", pa.timestamp("ns"), [datetime.datetime(2026, 11, 20, 6), None, None],
                          ["2026-11-20T06:00:00.000000000", "", ""])], use_deprecated_int96_timestamps=True)
    for encoding in ("DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"):
        numbers = [c for c in plain if c[0] in ("i32", "i64")]
        save(f"ints-{encoding.lower()}", numbers, 100, use_dictionary=False,
             column_encoding={name: encoding for name, *_ in numbers})
    for encoding in ("DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"):
        texts = [c for c in plain if c[0] in ("text", "bytes")]
        save(f"texts-{encoding.lower()}", texts, 100, use_dictionary=False,
             column_encoding={name: encoding for name, *_ in texts})
    for codec in ("brotli", "lz4"):
        save(f"refused-{codec}", plain[:1], compression=codec)
    for name, is_plain in (("refused-encrypted", False), ("refused-encrypted-columns", True)):
        encrypted(name, plain[:1], is_plain)
    with open(f"{FOLDER}/types.parquet", "rb") as whole, open(f"{FOLDER}/refused-truncated.parquet", "wb") as cut:
        cut.write(whole.read()[:-100])


class Keys(encryption.KmsClient):
    """Keys that are not kept secret."""

    def wrap_key(self, key_bytes, master_key_identifier):
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key, master_key_identifier):
        return base64.b64decode(wrapped_key)


def encrypted(name, columns, is_plain):
    """A file with encrypted columns, and with a footer that is encrypted, too, or not."""
    data, *_ = table(columns, 1)
    keys = encryption.EncryptionConfiguration(footer_key="footer", column_keys={"column": ["topic"]}, plaintext_footer=is_plain)
    factory = encryption.CryptoFactory(lambda _: Keys())
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), keys)
    pq.write_table(data, f"{FOLDER}/{name}.parquet", encryption_properties=properties)


main()
