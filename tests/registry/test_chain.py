import json
from dataclasses import astuple, fields, replace

from hypothesis import given
from hypothesis import strategies as st

from registry.chain import BEGINNING, Entry, Head, canonical, entry_hash, first_edit

TEXTS = st.text(max_size=8)
BODIES = st.dictionaries(TEXTS, st.none() | st.integers() | st.floats(allow_nan=False) | TEXTS)


@st.composite
def chains(draw):
    chain, previous = [], BEGINNING
    for sequence in range(1, draw(st.integers(1, 6)) + 1):
        kind = draw(
            st.sampled_from(
                ["version", "promotion", "window", "mark", "decision", "look", "refusal"]
            )
        )
        body = canonical(draw(BODIES.filter(lambda b: json.dumps(b).find("Infinity") < 0)))
        told = ("m", sequence, kind, draw(TEXTS), draw(TEXTS), body, previous)
        chain.append(Entry(*told, hash=entry_hash(*told)))
        previous = chain[-1].hash
    return chain


def edited(entry, data):
    """The entry with one byte of one field changed; a number becomes another."""
    name = data.draw(st.sampled_from([field.name for field in fields(Entry)]))
    value = getattr(entry, name)
    if name == "sequence":
        return replace(entry, sequence=value ^ (1 << data.draw(st.integers(0, 7))))
    content = bytearray(value.encode("utf-8", "surrogatepass")) or bytearray(b"\0")
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    return replace(entry, **{name: bytes(content).decode("utf-8", "surrogateescape")})


@given(chains())
def test_a_chain_is_whole(chain):
    assert first_edit(chain) is None


@given(chains(), st.data())
def test_any_byte_of_any_field_of_any_entry_that_is_edited_is_found(chain, data):
    number = data.draw(st.integers(0, len(chain) - 1))
    spoiled = [*chain]
    spoiled[number] = edited(chain[number], data)
    found = first_edit(spoiled)
    assert found is not None
    told = spoiled[number].sequence if spoiled[number].sequence == number + 1 else number + 1
    assert f"entry {told} of" in found


@given(chains(), st.data())
def test_an_entry_that_was_sealed_again_is_not_the_one_that_the_next_follows(chain, data):
    number = data.draw(st.integers(0, len(chain) - 1))
    told = (*astuple(chain[number])[:5], canonical({"another": "body"}), chain[number].previous)
    spoiled = [*chain]
    spoiled[number] = Entry(*told, hash=entry_hash(*told))
    found = first_edit(spoiled)
    last = number == len(chain) - 1
    assert (found is None) == (last or spoiled[number] == chain[number])
    if last:
        assert Head(len(chain), spoiled[-1].hash) != Head(len(chain), chain[-1].hash)
    else:
        assert "does not follow" in found


@given(chains(), st.data())
def test_an_entry_that_is_gone_is_missed(chain, data):
    number = data.draw(st.integers(0, len(chain) - 1))
    found = first_edit(chain[:number] + chain[number + 1 :])
    assert (found is None) == (number == len(chain) - 1)
    assert found is None or f"entry {number + 1} of 'm' is gone" == found


@given(st.integers(1, 10**9), TEXTS)
def test_a_head_comes_back_from_its_text(sequence, told):
    assert Head.of(str(Head(sequence, told))) == Head(sequence, told)
