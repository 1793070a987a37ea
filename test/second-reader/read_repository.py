#!/usr/bin/env python3
"""Reads a Holdfast repository in a folder. Written from docs/repository-format.md alone, so that the page is proved
to be enough: it shares no code with Holdfast, and must never be mended by looking at it.

    read_repository.py snapshots REPOSITORY (--key-file F | --password-file F)
    read_repository.py restore REPOSITORY (--key-file F | --password-file F) SNAPSHOT TARGET
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import stat
import struct
import sys
import unicodedata
from collections import OrderedDict
from pathlib import Path

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = 1
KNOWN_FEATURES = frozenset()
ENVELOPE_BYTES = 40
PACK, INDEX, SNAPSHOT, REVOCATION = 1, 2, 3, 7
FOOTER_SECTION = 0xFFFFFFFF
FILE, FOLDER, SYMLINK = 0, 1, 2
LISTS, SINGLE = 1, 2
TARGET_TAG, LINK_TAG, OPTIONAL_TAGS_FROM, XATTRS_TAG, SPARSE_TAG = 1, 2, 128, 128, 129
COMPACT, COMPACT_VERSION, PREFIX_BYTES = 0xFFFFFFFF, 2, 16
BLOCKS_KEPT = 16


class Refused(Exception):
    """One line that says why this repository, or this part of it, cannot be read."""


class Cursor:
    """Takes the encodings of the page off the front of some bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def raw(self, length):
        piece = self.data[self.at : self.at + length]
        if len(piece) != length:
            raise Refused("bytes end in the middle of a value")
        self.at += length
        return piece

    def fixed(self, code):
        (value,) = struct.unpack("<" + code, self.raw(struct.calcsize("<" + code)))
        return value

    def u8(self):
        return self.fixed("B")

    def u32(self):
        return self.fixed("I")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def bytes(self):
        return self.raw(self.varint())


def hkdf(secret, salt, info):
    """HKDF-SHA256 with 32 bytes of output: one round of its expansion."""
    extracted = hmac.digest(salt, secret, "sha256")
    return hmac.digest(extracted, info.encode("ascii") + b"\x01", "sha256")


def decode(codec, data, length):
    if codec == 0:
        raw = data
    elif codec == 1:
        raw = zstandard.ZstdDecompressor().decompress(data, max_output_size=length)
    else:
        raise Refused(f"codec {codec} is not known")
    if len(raw) != length:
        raise Refused(f"{len(raw)} bytes where {length} were stored")
    return raw


def key_file_secret(text):
    found = re.fullmatch(rb"holdfast-key-1 ([0-9a-f]{64})\n?", text)
    if found is None:
        raise Refused("not a key file")
    return bytes.fromhex(found[1].decode("ascii"))


def pack_name(pack):
    return f"packs/{pack[:2]}/{pack}"


class Repository:
    def __init__(self, folder, kind, secret):
        self.folder = Path(folder)
        config = self.read_config()
        self.id = bytes.fromhex(config["id"])
        master, id_secret = self.unlock(kind, secret)
        self.object_key = hkdf(master, self.id, "holdfast/1 object")
        self.chunk_id_key = hkdf(id_secret, b"", "holdfast/1 chunk id")
        self.check_mac(config, hkdf(master, self.id, "holdfast/1 config"))
        self.places = None
        self.blocks = OrderedDict()

    # -- opening ---------------------------------------------------------------------------------------------------

    def read_config(self):
        config = json.loads((self.folder / "config").read_bytes())
        if config["format"] != "holdfast-repository":
            raise Refused("this is no Holdfast repository")
        if config["version"] != VERSION:
            raise Refused(f"format version {config['version']} is not known")
        unknown = [feature for feature in config["features"] if feature not in KNOWN_FEATURES]
        if unknown:
            raise Refused(f"features {', '.join(unknown)} are not known")
        return config

    def unlock(self, kind, secret):
        for path in sorted((self.folder / "keys").iterdir()):
            slot = json.loads(path.read_bytes())
            if slot.get("version") != 1 or slot.get("kind") != kind or slot["id"] != path.name:
                continue
            salt = base64.b64decode(slot["salt"])
            opened = self.open_slot(slot, hkdf(self.stretch(slot, secret, salt), salt, "holdfast/1 slot"))
            if opened is not None:
                return opened[:32], opened[32:]
        raise Refused("no key slot opens with this secret")

    @staticmethod
    def stretch(slot, secret, salt):
        if slot["kind"] == "key_file":
            return secret
        return hashlib.pbkdf2_hmac("sha256", secret, salt, slot["rounds"], 32)

    def open_slot(self, slot, key):
        lines = ["holdfast/1 key slot", self.id.hex(), slot["id"], slot["kind"], str(slot["rounds"]), slot["salt"]]
        try:
            return AESGCM(key).decrypt(bytes(12), base64.b64decode(slot["sealed"]), "\n".join(lines).encode())
        except InvalidTag:
            return None

    @staticmethod
    def check_mac(config, key):
        fields = [config["format"], str(config["version"]), config["id"], ",".join(config["features"]), config["created"]]
        mac = hmac.digest(key, "\n".join(fields).encode(), "sha256")
        if not hmac.compare_digest(mac.hex(), config["mac"]):
            raise Refused("config: it was changed since the repository was made")

    # -- objects ---------------------------------------------------------------------------------------------------

    def open_section(self, name, kind, envelope, number, sealed):
        if envelope[:4] != b"HFO1" or envelope[4] != kind:
            raise Refused(f"{name}: not an object of type {kind}")
        if envelope[5] != 0:
            raise Refused(f"{name}: sealed in a way that is not known")
        key = hkdf(self.object_key, envelope[8:40], "holdfast/1 data")
        nonce = bytes(8) + struct.pack(">I", number)
        try:
            return AESGCM(key).decrypt(nonce, sealed, envelope + self.id + name.encode("ascii"))
        except InvalidTag:
            raise Refused(f"{name}: damaged") from None

    def open_object(self, name, kind):
        data = (self.folder / name).read_bytes()
        plain = Cursor(self.open_section(name, kind, data[:ENVELOPE_BYTES], 0, data[ENVELOPE_BYTES:]))
        codec, length = plain.u8(), plain.u32()
        return decode(codec, plain.data[plain.at :], length)

    def names(self, prefix):
        folder = self.folder / prefix
        if not folder.is_dir():
            return []
        return sorted(f"{path.relative_to(self.folder)}" for path in folder.rglob("*") if path.is_file())

    def snapshots(self):
        """By id; a snapshot of a newer version is refused."""
        found = {}
        for name in self.names("snapshots"):
            if (self.folder / name).read_bytes()[4:5] == bytes([REVOCATION]):
                self.open_object(name, REVOCATION)
                continue
            body = json.loads(self.open_object(name, SNAPSHOT))
            if body["version"] != 1:
                raise Refused(f"{name}: version {body['version']} is not known")
            found[name.split("/")[1]] = body
        return found

    # -- chunks ----------------------------------------------------------------------------------------------------

    def find_chunks(self):
        """Where every chunk is: from the index objects; from the footers of the packs where there is none."""
        places = {}
        for name in self.names("indexes"):
            body = Cursor(self.open_object(name, INDEX))
            for _ in range(body.u32()):
                pack = body.raw(16).hex()
                body.fixed("Q")
                envelope, table = body.bytes(), body.bytes()
                self.add_table(places, pack, envelope, table)
        if not places:
            for name in self.names("packs"):
                self.add_table(places, name.split("/")[2], *self.read_footer(name))
        return places

    def read_footer(self, name):
        data = (self.folder / name).read_bytes()
        length, magic = struct.unpack("<I4s", data[-8:])
        if magic != b"HFP1":
            raise Refused(f"{name}: not a whole pack")
        envelope = data[:ENVELOPE_BYTES]
        return envelope, self.open_section(name, PACK, envelope, FOOTER_SECTION, data[-8 - length : -8])

    @staticmethod
    def add_table(places, pack, envelope, table):
        table = Cursor(table)
        first = table.u32()
        blocks, chunks = read_compact_table(table) if first == COMPACT else read_old_table(table, first)
        for prefix, block, offset, length in chunks:
            places.setdefault(prefix, []).append((pack, envelope, block, blocks[block], offset, length))

    def block(self, pack, envelope, number, info):
        kept = self.blocks.get((pack, number))
        if kept is not None:
            self.blocks.move_to_end((pack, number))
            return kept
        offset, sealed_length, raw_length, codec = info
        name = pack_name(pack)
        with open(self.folder / name, "rb") as file:
            file.seek(offset)
            sealed = file.read(sealed_length)
        raw = decode(codec, self.open_section(name, PACK, envelope, number, sealed), raw_length)
        self.blocks[pack, number] = raw
        if len(self.blocks) > BLOCKS_KEPT:
            self.blocks.popitem(last=False)
        return raw

    def chunk_id(self, digest):
        return hmac.digest(self.chunk_id_key, digest, "sha256")

    def chunk(self, chunk_id):
        if self.places is None:
            self.places = self.find_chunks()
        found = self.places.get(chunk_id[:PREFIX_BYTES])
        if found is None:
            raise Refused(f"chunk {chunk_id.hex()} is nowhere")
        # An index may still name a pack that was deleted: then another one serves.
        standing = [place for place in found if (self.folder / pack_name(place[0])).exists()]
        if not standing:
            raise Refused(f"chunk {chunk_id.hex()} is only in packs that are gone")
        pack, envelope, number, info, offset, length = standing[0]
        data = self.block(pack, envelope, number, info)[offset : offset + length]
        if self.chunk_id(hashlib.sha256(data).digest()) != chunk_id:
            raise Refused(f"chunk {chunk_id.hex()} is not what its id says")
        return data

    # -- trees -----------------------------------------------------------------------------------------------------

    def entries(self, node_id):
        """(key, entry) of every leaf item, in order."""
        node = Cursor(self.chunk(node_id))
        level, key = node.u8(), b""
        for _ in range(node.varint()):
            shared = node.varint()
            key = key[:shared] + node.bytes()
            value = node.bytes()
            if level == 0:
                yield key, read_entry(Cursor(value))
            else:
                yield from self.entries(value[:32])

    def content(self, entry):
        ids = [self.chunk_id(entry["sha256"])] if entry["ids"] is None else entry["ids"]
        for chunk_id in ids:
            data = self.chunk(chunk_id)
            if not entry["is_list"]:
                yield data
                continue
            for at in range(0, len(data), 32):
                yield self.chunk(data[at : at + 32])


def read_compact_table(table):
    version = table.u8()
    if version != COMPACT_VERSION:
        raise Refused(f"a pack table of version {version} is not known")
    blocks, places, start = [], [], ENVELOPE_BYTES
    rows = [(table.varint(), table.varint(), table.u8(), table.varint()) for _ in range(table.varint())]
    for number, (sealed_length, raw_length, codec, count) in enumerate(rows):
        blocks.append((start, sealed_length, raw_length, codec))
        start += sealed_length
        offset = 0
        for _ in range(count):
            length = table.varint()
            places.append((number, offset, length))
            offset += length
        if offset != raw_length:
            raise Refused("the chunks of a block do not fill it")
    return blocks, [(table.raw(PREFIX_BYTES), *place) for place in places]


def read_old_table(table, block_count):
    blocks = [(table.u32(), table.u32(), table.u32(), table.u8()) for _ in range(block_count)]
    return blocks, [(table.raw(32)[:PREFIX_BYTES], table.u32(), table.u32(), table.u32()) for _ in range(table.u32())]


def read_entry(value):
    entry = {"kind": value.u8(), "size": value.varint(), "mode": value.varint(), "uid": value.varint()}
    if entry["kind"] not in (FILE, FOLDER, SYMLINK):
        raise Refused(f"an entry of kind {entry['kind']} is not known")
    entry["gid"] = value.varint()
    entry["mtime_ns"] = value.fixed("q") * 1_000_000_000 + value.u32()
    if entry["kind"] == FILE:
        entry["sha256"] = value.raw(32)
        flag = value.u8()
        if flag > SINGLE:
            raise Refused(f"list flag {flag} is not known")
        entry["is_list"] = flag == LISTS
        # Of a single chunk the id is worked out when the file is read.
        entry["ids"] = None if flag == SINGLE else [value.raw(32) for _ in range(value.varint())]
    for _ in range(value.varint()):
        tag, field = value.varint(), value.bytes()
        if tag == TARGET_TAG:
            entry["target"] = field
        elif tag == LINK_TAG:
            entry["link"] = field
        elif tag == XATTRS_TAG:
            field = Cursor(field)
            entry["xattrs"] = [(field.bytes(), field.bytes()) for _ in range(field.varint())]
        elif tag == SPARSE_TAG:
            entry["sparse"] = True
        elif tag < OPTIONAL_TAGS_FROM:
            raise Refused(f"an entry has a field that is not known ({tag})")
    return entry


class Restore:
    """Puts the entries of a snapshot below a folder that is new or empty."""

    def __init__(self, repository, target):
        self.repository = repository
        self.target = os.fsencode(target)
        self.linked = {}

    def run(self, snapshot):
        os.makedirs(self.target, exist_ok=True)
        if os.listdir(self.target):
            raise Refused("the target is not empty")
        folders = []
        for key, entry in self.repository.entries(bytes.fromhex(snapshot["tree"])):
            if key == b"":
                continue
            path = self.place_of(key)
            if entry["kind"] == FOLDER:
                os.makedirs(path, exist_ok=True)
                folders.append((path, entry))
            else:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                self.put(path, entry)
        # From the inside out: what is put into a folder changes its time.
        for path, entry in reversed(folders):
            set_metadata(path, entry)

    def place_of(self, key):
        parts = key.split(b"\0")
        if any(part in (b"", b".", b"..") or b"/" in part for part in parts):
            raise Refused(f"{key!r} would leave the target")
        for end in range(1, len(parts)):
            above = os.path.join(self.target, *parts[:end])
            if os.path.islink(above):
                raise Refused(f"{above!r} is a symlink and above other entries")
        return os.path.join(self.target, *parts)

    def put(self, path, entry):
        if entry["kind"] == SYMLINK:
            os.symlink(entry["target"], path)
        elif file_of(entry) in self.linked:
            os.link(self.linked[file_of(entry)], path)
            return
        else:
            self.write(path, entry)
            if "link" in entry:
                self.linked[file_of(entry)] = path
        set_metadata(path, entry)

    def write(self, path, entry):
        digest, size = hashlib.sha256(), 0
        with open(path, "xb") as file:
            for piece in self.repository.content(entry):
                digest.update(piece)
                size += len(piece)
                if entry.get("sparse") and not any(piece):
                    file.seek(len(piece), os.SEEK_CUR)
                else:
                    file.write(piece)
            file.truncate(size)
        if digest.digest() != entry["sha256"] or size != entry["size"]:
            raise Refused(f"{path!r} is not what was stored")


def file_of(entry):
    """Which names of a hard-link group are one file: those of which all else is the same, too."""
    fields = ("link", "size", "mode", "uid", "gid", "mtime_ns", "sha256")
    return tuple(entry.get(field) for field in fields) + tuple(entry.get("xattrs", []))


def set_metadata(path, entry):
    mode = entry["mode"]
    try:
        os.chown(path, entry["uid"], entry["gid"], follow_symlinks=False)
    except PermissionError:
        # The file stays ours, and must not run as somebody that it was not made by.
        mode &= ~(stat.S_ISUID | stat.S_ISGID)
    for name, value in entry.get("xattrs", []):
        try:
            os.setxattr(path, name, value, follow_symlinks=False)
        except OSError as reason:
            print(f"read_repository: {path!r}: attribute {name!r}: {reason.strerror}", file=sys.stderr)
    if entry["kind"] != SYMLINK:
        os.chmod(path, mode)
    os.utime(path, ns=(entry["mtime_ns"], entry["mtime_ns"]), follow_symlinks=False)


def open_repository(arguments):
    if arguments.key_file:
        return Repository(arguments.repository, "key_file", key_file_secret(Path(arguments.key_file).read_bytes()))
    password = Path(arguments.password_file).read_text("utf-8").removesuffix("\n")
    return Repository(arguments.repository, "passphrase", unicodedata.normalize("NFC", password).encode("utf-8"))


def parse():
    parser = argparse.ArgumentParser(description="Reads a Holdfast repository in a folder.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("snapshots", "restore"):
        command = commands.add_parser(name)
        command.add_argument("repository")
        secret = command.add_mutually_exclusive_group(required=True)
        secret.add_argument("--key-file")
        secret.add_argument("--password-file")
        if name == "restore":
            command.add_argument("snapshot", help="its full id")
            command.add_argument("target", help="a folder that is new or empty")
    return parser.parse_args()


def main():
    arguments = parse()
    try:
        repository = open_repository(arguments)
        snapshots = repository.snapshots()
        if arguments.command == "snapshots":
            json.dump(snapshots, sys.stdout)
        elif arguments.snapshot not in snapshots:
            raise Refused(f"there is no snapshot {arguments.snapshot}")
        else:
            Restore(repository, arguments.target).run(snapshots[arguments.snapshot])
    except Refused as reason:
        print(f"read_repository: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
