/* Making text as printf does, without stdio: that would bring files, and an agent has none. */

#include <string.h>

#include "inside.h"

/* Where text goes; without a place it is only counted. */
typedef struct sink {
    char *place;
    size_t length;
} sink;

static void put(sink *out, char c) {
    if (out->place != NULL) out->place[out->length] = c;
    out->length++;
}

static void pad(sink *out, size_t length, size_t width, char with) {
    for (size_t i = length; i < width; i++) put(out, with);
}

static void put_text(sink *out, const char *text, size_t width, bool left) {
    const size_t length = strlen(text);
    if (!left) pad(out, length, width, ' ');
    for (size_t i = 0; i < length; i++) put(out, text[i]);
    if (left) pad(out, length, width, ' ');
}

static void put_number(sink *out, unsigned long long value, bool negative, unsigned base, size_t width,
                       bool left, bool zeros) {
    char digits[24];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    const size_t length = count + (negative ? 1 : 0);
    if (!left && !zeros) pad(out, length, width, ' ');
    if (negative) put(out, '-');
    if (!left && zeros) pad(out, length, width, '0');
    while (count > 0) put(out, digits[--count]);
    if (left) pad(out, length, width, ' ');
}

enum { MOST_WIDTH = 1000 };

static void write_all(sink *out, const char *format, va_list arguments) {
    for (const char *at = format; *at != 0; at++) {
        if (*at != '%') {
            put(out, *at);
            continue;
        }
        bool left = false, zeros = false;
        for (at++; *at == '0' || *at == '-'; at++) *at == '-' ? (left = true) : (zeros = true);
        size_t width = 0;
        for (; *at >= '0' && *at <= '9'; at++)
            if (width < MOST_WIDTH) width = width * 10 + (size_t)(*at - '0');
        int longs = 0;
        for (; *at == 'l' || *at == 'z'; at++) longs++; /* a size_t is as wide as a long */
        switch (*at) {
        case 's': {
            const char *text = va_arg(arguments, const char *);
            put_text(out, text == NULL ? "" : text, width, left);
            break;
        }
        case 'c': {
            const char text[] = {(char)va_arg(arguments, int), 0};
            put_text(out, text, width, left);
            break;
        }
        case 'd':
        case 'i': {
            const long long value = longs > 1 ? va_arg(arguments, long long) : va_arg(arguments, long);
            const unsigned long long size = value < 0 ? 0ull - (unsigned long long)value : (unsigned long long)value;
            put_number(out, size, value < 0, 10, width, left, zeros);
            break;
        }
        case 'u':
        case 'x': {
            const unsigned long long value =
                longs > 1 ? va_arg(arguments, unsigned long long) : va_arg(arguments, unsigned long);
            put_number(out, value, false, *at == 'x' ? 16 : 10, width, left, zeros);
            break;
        }
        case '%': put(out, '%'); break;
        default: parloir_panic("parloir_text does not know how to write %%%c", *at == 0 ? ' ' : *at);
        }
    }
}

const char *parloir_vtext(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    sink counted = {NULL, 0};
    write_all(&counted, format, arguments);
    sink out = {parloir_room(counted.length + 1), 0};
    write_all(&out, format, again);
    va_end(again);
    out.place[out.length] = 0;
    return out.place;
}

const char *parloir_text(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = parloir_vtext(format, arguments);
    va_end(arguments);
    return text;
}

const char *parloir_part(const char *text, size_t length) {
    char *part = parloir_room(length + 1);
    memcpy(part, text, length);
    part[length] = 0;
    return part;
}
