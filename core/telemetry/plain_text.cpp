// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/plain_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace connscope::telemetry {
namespace {

struct Character {
    std::size_t bytes; // 0: not well-formed
    char32_t code;
};

Character first_of(std::string_view text) noexcept {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {1, lead};
    const std::size_t bytes = lead >= 0xc2 && lead < 0xe0   ? 2
                              : lead >= 0xe0 && lead < 0xf0 ? 3
                              : lead >= 0xf0 && lead < 0xf5 ? 4
                                                            : 0;
    if (bytes == 0 || text.size() < bytes) return {0, 0};
    char32_t code = lead & (0x7fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {0, 0};
        code = code << 6 | (byte(i) & 0x3f);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000}; // by bytes: longer forms are not well-formed
    if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {0, 0};
    return {bytes, code};
}

bool can_be_shown(char32_t code) noexcept {
    constexpr std::array<std::pair<char32_t, char32_t>, 13> unseen{{{0x00, 0x1f},
                                                                    {U'<', U'<'},
                                                                    {0x7f, 0x9f},
                                                                    {0xad, 0xad},
                                                                    {0x600, 0x605},
                                                                    {0x61c, 0x61c},
                                                                    {0x180e, 0x180e},
                                                                    {0x200b, 0x200f},
                                                                    {0x2028, 0x202e},
                                                                    {0x2060, 0x206f},
                                                                    {0xfeff, 0xfeff},
                                                                    {0xfff9, 0xfffb},
                                                                    {0xe0000, 0xe0fff}}};
    return std::none_of(unseen.begin(), unseen.end(),
                        [code](const auto& range) { return code >= range.first && code <= range.second; });
}

} // namespace

std::string plain_text(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const Character character = first_of(text);
        const std::size_t bytes = std::max<std::size_t>(character.bytes, 1);
        if (character.bytes > 0 && can_be_shown(character.code))
            shown += text.substr(0, bytes);
        else
            shown += '?';
        text.remove_prefix(bytes);
    }
    return shown;
}

} // namespace connscope::telemetry
