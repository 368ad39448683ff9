// SPDX-License-Identifier: BSL-1.0
// A segment that wants to mislead: text that a terminal would obey, and sizes that are holes.
#include "connscope/telemetry/plain_text.hpp"
#include "connscope/telemetry/probe.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <string>

namespace connscope::telemetry {
namespace {

std::unique_ptr<ProbeServer> make_server(const std::string& name, const std::string& text) {
    auto server = ProbeServer::create({.name = name, .program = text, .modes = {text, "two"}, .connections = 4});
    EXPECT_TRUE(server) << (server ? "" : server.error().text);
    (*server)->describe(text, text, text);
    return std::move(*server);
}

std::string unique_name() {
    static int count = 0;
    return "untrusted-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

TEST(PlainText, text_that_can_be_shown_stays_as_it_is) {
    for (const std::string text : {"connscope-serve", "Größe", "日本語", "🙂",
                                   "a b\xc2\xa0"
                                   "c",
                                   ""})
        EXPECT_EQ(plain_text(text), text);
}

TEST(PlainText, what_a_terminal_would_obey_or_nobody_would_see_is_a_question_mark) {
    EXPECT_EQ(plain_text("a\x1b[2Jb\r\n\t\x7f"), "a?[2Jb????");
    EXPECT_EQ(plain_text("\xc2\x9b"
                         "31m"),
              "?31m"); // CSI as one character of the C1 set
    EXPECT_EQ(plain_text("\x9b"
                         "31m"),
              "?31m"); // and as a byte
    EXPECT_EQ(plain_text("\xe2\x80\xae"
                         "gnp.exe"),
              "?gnp.exe"); // right to left from here on
    EXPECT_EQ(plain_text("ng\xe2\x80\x8b"
                         "inx"),
              "ng?inx"); // an unseen space
}

TEST(PlainText, what_a_label_would_take_for_rich_text_is_none) {
    EXPECT_EQ(plain_text("a<img src=/dev/zero>"), "a?img src=/dev/zero>");
}

TEST(PlainText, bytes_that_are_no_utf_8_are_a_question_mark_each) {
    EXPECT_EQ(plain_text("\xff\xfe"), "??");
    EXPECT_EQ(plain_text("\xc0\x9b"), "??");           // an overlong escape
    EXPECT_EQ(plain_text("\xed\xa0\x80"), "???");      // half of a surrogate pair
    EXPECT_EQ(plain_text("\xf4\x90\x80\x80"), "????"); // beyond Unicode
    EXPECT_EQ(plain_text("ab\xe2\x82"), "ab??");       // cut short
}

TEST(UntrustedSegment, what_it_says_of_itself_is_shown_as_plain_text) {
    const std::string name = unique_name();
    const auto server = make_server(name, "\x1b]0;owned\x07\xe2\x80\xae.");
    const auto reader = SegmentReader::open(segment_path(*runtime_folder(), name));
    ASSERT_TRUE(reader) << reader.error().text;
    const SegmentIdentity& identity = reader->identity();
    const std::string shown = "?]0;owned??.";
    EXPECT_EQ(identity.program, shown);
    EXPECT_EQ(identity.protocol, shown);
    EXPECT_EQ(identity.address, shown);
    EXPECT_EQ(identity.control_path, shown);
    EXPECT_EQ(identity.modes.front(), shown);
}

// As large a file as is said, all of it a hole: reading it would take as long as the writer likes.
TEST(UntrustedSegment, more_slots_rings_or_events_than_there_can_be_are_refused_however_large_the_file) {
    for (const auto kind : {layout::SectionKind::connections, layout::SectionKind::rings, layout::SectionKind::events}) {
        const std::string name = unique_name();
        const auto server = make_server(name, "test");
        const auto path = segment_path(*runtime_folder(), name);
        const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        ASSERT_GE(file, 0);
        constexpr std::uint64_t huge = std::uint64_t{1} << 40;
        ASSERT_EQ(::ftruncate(file, huge), 0);
        layout::Section section{static_cast<std::uint32_t>(kind), 0, 4096 * 64, 0};
        section.stride = kind == layout::SectionKind::connections ? sizeof(layout::Slot)
                         : kind == layout::SectionKind::rings     ? sizeof(layout::Ring)
                                                                  : sizeof(layout::Event);
        section.count = huge / 2 / section.stride;
        ASSERT_EQ(::pwrite(file, &huge, sizeof huge, offsetof(layout::Header, file_bytes)), 8);
        // The last of the sections that a server has, again: the later one counts.
        std::uint32_t sections = 0;
        ASSERT_EQ(::pread(file, &sections, sizeof sections, offsetof(layout::Header, section_count)), 4);
        const std::size_t place = offsetof(layout::Header, sections) + sections * sizeof section;
        ASSERT_EQ(::pwrite(file, &section, sizeof section, static_cast<off_t>(place)), static_cast<ssize_t>(sizeof section));
        ++sections;
        ASSERT_EQ(::pwrite(file, &sections, sizeof sections, offsetof(layout::Header, section_count)), 4);
        ::close(file);
        const auto reader = SegmentReader::open(path);
        ASSERT_FALSE(reader) << static_cast<int>(kind);
        EXPECT_EQ(reader.error().code, SegmentErrc::damaged);
        EXPECT_NE(reader.error().text.find("than there can be"), std::string::npos) << reader.error().text;
    }
}

} // namespace
} // namespace connscope::telemetry
