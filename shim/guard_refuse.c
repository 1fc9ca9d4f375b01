/* What the guard says of a rule that a module has broken. */
#include "guard_device.h"
#include "print.h"

#include <string.h>

/* The last text, with an end as wasm3 wants it. */
static char message_bytes[TEXT_BYTES_MAX + 1];

static const char *message_end(struct text *message) {
    text_add(message, ")");
    memcpy(message_bytes, message->bytes, message->length);
    message_bytes[message->length] = '\0';
    return message_bytes;
}

/* The text of a broken rule about a register. */
const char *guard_refuse(const char *import, uint32_t window, uint32_t offset, const char *rule) {
    struct text message = {0};
    text_add(&message, import);
    text_add(&message, ": ");
    text_add(&message, rule);
    text_add(&message, " (window ");
    text_add_decimal(&message, window);
    text_add(&message, ", offset ");
    text_add_hex(&message, offset);
    return message_end(&message);
}

static void message_add_descriptor(struct text *message, const struct shadow_fault *fault) {
    text_add(message, ", descriptor ");
    text_add_decimal(message, fault->index);
    if (fault->entry >= 0) {
        text_add(message, ", entry ");
        text_add_decimal(message, (uint64_t)fault->entry);
        text_add(message, " of its table");
    }
    text_add(message, ", address ");
    text_add_hex(message, fault->address);
    text_add(message, ", ");
    text_add_decimal(message, fault->length_bytes);
    text_add(message, " bytes");
}

/* The text of what is wrong with a queue. */
const char *guard_refuse_chain(const struct guard_device *device) {
    const struct shadow_fault *fault = &device->ring.fault;
    struct text message = {0};
    text_add(&message, "queue: ");
    text_add(&message, fault->rule);
    text_add(&message, " (window ");
    text_add_decimal(&message, device->window);
    if (fault->has_descriptor) {
        message_add_descriptor(&message, fault);
    } else {
        text_add(&message, ", index ");
        text_add_decimal(&message, fault->index);
    }
    return message_end(&message);
}
