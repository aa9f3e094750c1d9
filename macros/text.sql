{#- Characters that leave a place empty, in any script. -#}
{% macro blanks() -%}
    {{ " \t\n\r\u000b\u000c\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000" }}
{%- endmacro %}

{#- Characters that are not seen at all. -#}
{% macro invisibles() -%}
    {{ "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff" }}
{%- endmacro %}

{#- Text without what cannot be seen around it. -#}
{% macro trimmed(text) -%}
    trim(both '{{ blanks() }}{{ invisibles() }}' from {{ text }})
{%- endmacro %}

{#- Text as it came, or null where there is nothing to see in it. -#}
{% macro text_or_null(text) -%}
    {{ adapter.dispatch('text_or_null', 'cohort_tracker')(text) }}
{%- endmacro %}

{#- Asked of every record: trimming takes twenty times as long. -#}
{% macro default__text_or_null(text) -%}
    case when regexp_matches({{ text }}, '[^\s\p{Z}\p{Cc}\p{Cf}]') then {{ text }} end
{%- endmacro %}

{% macro spark__text_or_null(text) -%}
    case when {{ text }} rlike r'[^\s\p{Z}\p{Cc}\p{Cf}]' then {{ text }} end
{%- endmacro %}

{#- Text in small letters, one for each. -#}
{% macro lowered(text) -%}
    {{ adapter.dispatch('lowered', 'cohort_tracker')(text) }}
{%- endmacro %}

{% macro default__lowered(text) -%}
    lower({{ text }})
{%- endmacro %}

{#- Spark's own makes two of İ, and of Σ another letter at the end of a word. -#}
{% macro spark__lowered(text) -%}
    lower(translate({{ text }}, 'İΣ', 'iσ'))
{%- endmacro %}

{#- A number as text, as DuckDB writes it. -#}
{% macro float_text(number) -%}
    {{ adapter.dispatch('float_text', 'cohort_tracker')(number) }}
{%- endmacro %}

{% macro default__float_text(number) -%}
    cast({{ number }} as {{ dbt.type_string() }})
{%- endmacro %}

{#- Java writes powers of ten from a thousandth downwards, and writes them as 5.0E-5 where others write 5e-05. -#}
{% macro spark__float_text(number) -%}
    {%- set text = "lower(cast(" ~ number ~ " as string))" -%}
    case
        when abs({{ number }}) >= 0.0001 and abs({{ number }}) < 0.001
            then trim(trailing '0' from cast(cast({{ number }} as decimal(38, 22)) as string))
        else regexp_replace(replace({{ text }}, '.0e', 'e'), 'e-([0-9])$', 'e-0$1')
    end
{%- endmacro %}

{#- Text in which letters that differ by case only are equal. -#}
{% macro casefolded(text) -%}
    replace(replace({{ lowered(text) }}, 'ß', 'ss'), 'ς', 'σ')
{%- endmacro %}

{#-
    Text in Unicode's normal form KC as far as names need it: accents in their letters, wide and narrow forms,
    ligatures, raised letters and Roman numbers as the letters that they stand for.
-#}
{% macro normalised(text) -%}
    {{ adapter.dispatch('normalised', 'cohort_tracker')(text) }}
{%- endmacro %}

{% macro default__normalised(text) -%}
    nfc_normalize({{ in_plain_letters(text) }})
{%- endmacro %}

{#-
    Spark has no function for it, but the library that it sorts texts with (ICU). Java's own, java.text.Normalizer, wants
    a value that `reflect` cannot hand over.
-#}
{% macro spark__normalised(text) -%}
    reflect('com.ibm.icu.text.Normalizer', 'compose', {{ in_plain_letters(text) }}, false)
{%- endmacro %}

{#- The same but for the accents, which stay as they are. -#}
{% macro in_plain_letters(text) -%}
    {%- set single = {
        "ſ": "s", "ª": "a", "º": "o", "ᵃ": "a", "ᵉ": "e", "ᵒ": "o", "ⁿ": "n", "ʰ": "h", "ʲ": "j", "ʳ": "r", "ʷ": "w",
        "ʸ": "y", "ˡ": "l", "ˢ": "s", "⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", "⁵": "5", "⁶": "6", "⁷": "7",
        "⁸": "8", "⁹": "9", "Ⅰ": "I", "Ⅴ": "V", "Ⅹ": "X", "ⅰ": "i", "ⅴ": "v", "ⅹ": "x",
    } -%}
    {%- set narrow = "ｦｧｨｩｪｫｬｭｮｯｰｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝﾞﾟ" -%}
    {%- set plain = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u3099\u309a" -%}
    {%- set several = {
        "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "Ĳ": "IJ", "ĳ": "ij", "Ǉ": "LJ",
        "ǈ": "Lj", "ǉ": "lj", "Ǌ": "NJ", "ǋ": "Nj", "ǌ": "nj", "Ǆ": "DŽ", "ǅ": "Dž", "ǆ": "dž", "ŉ": "’n", "Ⅱ": "II",
        "Ⅲ": "III", "Ⅳ": "IV", "ⅱ": "ii", "ⅲ": "iii", "ⅳ": "iv",
    } -%}
    {%- set forms = namespace(from=single.keys() | join ~ narrow, to=single.values() | join ~ plain, text=text) -%}
    {#- the wide forms of ! to ~ stand in that order; two of them are quotes and slashes in SQL and regexps -#}
    {%- for code in range(33, 127) if code not in (39, 92) -%}
        {%- set forms.from = forms.from ~ ("%c" | format(code + 65248)) -%}
        {%- set forms.to = forms.to ~ ("%c" | format(code)) -%}
    {%- endfor -%}
    {%- for letter, letters in several.items() -%}
        {%- set forms.text = "replace(" ~ forms.text ~ ", '" ~ letter ~ "', '" ~ letters ~ "')" -%}
    {%- endfor -%}
    translate({{ forms.text }}, '{{ forms.from }}', '{{ forms.to }}')
{%- endmacro %}

{#- An e-mail address as it is compared; null where there is none. -#}
{% macro email_key(email) -%}
    nullif({{ casefolded(trimmed(email)) }}, '')
{%- endmacro %}

{#-
    A full name as it is compared, so that two spellings of one name are equal; null where a part is missing.
    raw/forgotten.py says the same in Python.
-#}
{% macro name_key(first_name, last_name) -%}
    {%- set apostrophes = "\u0060\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb\u055a\u05f3\u2018\u2019\u201b\u2032\u2035\ua78c\uff07" -%}
    {%- set hyphens = "\u02d7\u058a\u05be\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63" -%}
    {%- set name = casefolded(normalised("concat(" ~ first_name ~ ", ' ', " ~ last_name ~ ")")) -%}
    {%- set alike = "translate(" ~ name ~ ", '" ~ blanks() ~ apostrophes ~ hyphens ~ "ı" ~ invisibles() ~ "', '"
        ~ " " * (blanks() | length) ~ "''" * (apostrophes | length) ~ "-" * (hyphens | length) ~ "i')" -%}
    {#- of each blank a pair is made, and where one pair meets another both inner halves go -#}
    case
        when {{ first_name }} is not null and {{ last_name }} is not null
            then trim(replace(replace(replace({{ alike }}, ' ', '<>'), '><', ''), '<>', ' '))
    end
{%- endmacro %}
