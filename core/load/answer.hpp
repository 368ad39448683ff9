// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/content.hpp"
#include "connscope/load/request_form.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace connscope::load {

// How far an answer is.
enum class AnswerState : std::uint8_t {
    incomplete,
    good,
    bad_status, // http: complete, but not 2xx
    wrong,      // complete, but other content or another length than asked for
    garbage,    // not the protocol: the connection is of no use any more
};

struct AnswerProgress {
    std::size_t consumed = 0; // bytes of the input that belong to this answer
    AnswerState state = AnswerState::incomplete;
};

// Reads the answers that arrive on one connection, one after the other, as the bytes come, and keeps none of them. After an
// answer is complete the next bytes begin the next one.
class AnswerReader {
public:
    // Takes the next bytes of the answer to a request of `form`, whose content began at `position` of `content`.
    AnswerProgress read(std::span<const std::byte> bytes, const RequestForm& form, Content content, std::uint64_t position);
    // The server has finished sending: completes an answer whose length was not told.
    AnswerState finished(const RequestForm& form);

    // True after an answer that the server said to be its last (http: Connection: close).
    bool last() const noexcept { return last_; }
    // True while a part of an answer is there.
    bool begun() const noexcept { return stage_ != Stage::head || taken_ > 0 || head_ != nullptr; }

private:
    enum class Stage : std::uint8_t {
        head,
        sized_body, // Content-Length tells
        open_body,  // until the server closes
        chunk_size,
        chunk_extension,
        chunk_data,
        chunk_end, // the line end after a chunk
        trailer,
        trailer_line,
    };

    AnswerProgress read_echo(std::span<const std::byte> bytes, const RequestForm& form, Content content,
                             std::uint64_t position);
    AnswerProgress read_line(std::span<const std::byte> bytes, const RequestForm& form);
    // Takes bytes of the head. Garbage, or incomplete until the head's end was among them.
    AnswerProgress read_head(std::span<const std::byte> bytes);
    // Understands a whole head, the empty line included. False: it is none.
    bool understand(std::string_view head);
    // Takes one byte that stands between chunks. False: it cannot stand there.
    bool read_chunk_frame(char byte);
    void read_body(std::span<const std::byte> bytes, const RequestForm& form, Content content, std::uint64_t position);
    AnswerState complete(const RequestForm& form);

    std::unique_ptr<std::string> head_; // the beginning of a head that came in pieces
    std::uint64_t taken_ = 0;           // bytes of content so far
    std::uint64_t left_ = 0;            // bytes until the end of the sized body or chunk
    std::uint16_t status_ = 0;
    Stage stage_ = Stage::head;
    std::uint8_t size_digits_ = 0; // of a chunk's size
    bool differs_ = false;         // content that is not what was asked for
    bool done_ = false;            // the content is complete
    bool last_ = false;
    bool from_connscope_ = false; // the head says so
};

} // namespace connscope::load
