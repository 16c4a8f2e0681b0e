"""Letters that look like Latin ones. A small hand-made list of the pairs that are used to disguise text, not Unicode's whole confusables table."""

from __future__ import annotations

LOOK_ALIKES: dict[str, str] = {
    # Cyrillic, capitals and small letters apart: В looks like B, but в does not look like b.
    **dict(zip("АВЕЅІЈКМНОРСТУХҮԀԚԜҺѴӀ", "abesijkmhopctyxydqwhvl", strict=True)),
    **dict(zip("аеѕіјорсухԁԛԝһѵӏүԍ", "aesijopcyxdqwhvlyg", strict=True)),
    # Greek.
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳ", "abezhikmnoptyxcj", strict=True)),
    **dict(zip("αικνορυχγϲ", "aikvopuxyc", strict=True)),
    # Armenian.
    **dict(zip("ՕՍՏԼօսոհցքզյՀ", "ouslounhgqqjh", strict=True)),
    # Latin letters that imitate others: dotless and script forms, small capitals.
    **dict(zip("ıɑɡɩᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "iagiabcdefghijklmnoprstuvwyz", strict=True)),
}
"""Look-alike letter to small Latin letter."""

APOSTROPHES: frozenset[str] = frozenset("'\u2018\u2019\u201b\u02bb\u02bc\u02b9\u2032\u00b4\uff07")
"""Dropped inside words: don't, don’t and dont are one word."""

FILLERS: frozenset[str] = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5\u0640")
"""Letters by category that show nothing (Hangul fillers, Khmer inherent vowels) or only stretch a word (Arabic tatweel): dropped."""
