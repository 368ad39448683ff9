// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/namer.hpp"

#include "connscope/server/zygote.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <sstream>

namespace connscope::server {
namespace {

constexpr std::chrono::milliseconds patience{2000};
constexpr std::chrono::milliseconds kept{5000}; // since the last question
constexpr std::size_t most_calls = 12;

// The packets: both processes are the same program.
struct Question {
    std::uint64_t number = 0;
    std::array<std::uint64_t, std::tuple_size_v<observe::Registers>> registers{};
    std::uint32_t known = 0; // a bit for each register
    std::uint32_t bytes = 0;
    std::uint64_t address = 0;
    std::array<std::byte, 32 * 1024> stack;
};
struct Answer {
    std::uint64_t number = 0;      // the question's
    std::array<char, 8192> text{}; // lines: the function, the source line, what is missing, the calls
};

bool comes(int socket, std::chrono::milliseconds within) {
    pollfd entry{socket, POLLIN, 0};
    int ready = 0;
    do ready = ::poll(&entry, 1, static_cast<int>(within.count()));
    while (ready < 0 && errno == EINTR);
    return ready == 1;
}

NamedPlace name_here(observe::Symbols& symbols, const CaughtStack& caught) {
    NamedPlace place;
    const observe::RemoteMemory memory(static_cast<std::uint32_t>(::getpid()));
    for (const observe::Symbol& frame : symbols.unwind(caught.registers, caught.stack, memory).frames) {
        const observe::CodePlace* const one = frame.function();
        if (one == nullptr || one->function.empty()) continue;
        if (place.calls.size() < most_calls)
            place.calls.push_back(one->at().empty() ? one->function : one->function + " at " + one->at());
        if (!place.function.empty() || !frame.in_program) continue;
        place.function = one->function;
        place.at = one->at();
    }
    if (place.function.empty()) place.missing = "there are no symbols for the code it is in";
    return place;
}

CaughtStack caught_of(const Question& question) {
    CaughtStack caught;
    for (std::size_t i = 0; i < question.registers.size(); ++i)
        if ((question.known >> i & 1) != 0) caught.registers[i] = question.registers[i];
    caught.stack.address = question.address;
    const std::size_t bytes = std::min<std::size_t>(question.bytes, question.stack.size());
    caught.stack.bytes.assign(question.stack.begin(), question.stack.begin() + static_cast<std::ptrdiff_t>(bytes));
    return caught;
}

Answer answer_of(std::uint64_t number, const NamedPlace& place) {
    std::string text = place.function + '\n' + place.at + '\n' + place.missing + '\n';
    for (const std::string& call : place.calls) text += call + '\n';
    Answer answer{.number = number};
    std::copy_n(text.begin(), std::min(text.size(), answer.text.size() - 1), answer.text.begin());
    return answer;
}

NamedPlace place_of(const Answer& answer) {
    NamedPlace place;
    std::istringstream text(answer.text.data());
    std::getline(text, place.function);
    std::getline(text, place.at);
    std::getline(text, place.missing);
    for (std::string call; std::getline(text, call);) place.calls.push_back(call);
    return place;
}

NamedPlace nothing(std::string why) {
    NamedPlace place;
    place.missing = std::move(why);
    return place;
}

} // namespace

bool Namer::start(std::string& why_not) {
    if (zygote_ == nullptr) {
        why_not = "there is no process that could look it up";
        return false;
    }
    auto pair = make_packet_pair();
    if (!pair) {
        why_not = pair.error().text;
        return false;
    }
    if (auto started = zygote_->start_namer((*pair)[1].get()); !started) {
        why_not = started.error().text;
        return false;
    }
    socket_ = std::move((*pair)[0]);
    return true;
}

NamedPlace Namer::name(const CaughtStack& caught) {
    Question question;
    question.number = ++asked_;
    for (std::size_t i = 0; i < question.registers.size(); ++i) {
        question.registers[i] = caught.registers[i].value_or(0);
        question.known |= static_cast<std::uint32_t>(caught.registers[i].has_value()) << i;
    }
    question.address = caught.stack.address;
    question.bytes = static_cast<std::uint32_t>(std::min(caught.stack.bytes.size(), question.stack.size()));
    std::copy_n(caught.stack.bytes.begin(), question.bytes, question.stack.begin());

    // The process may have ended since the last question.
    std::string why_not;
    const bool sent = socket_ && send_packet(socket_.get(), bytes_of(question), {}, MSG_DONTWAIT);
    if (!sent && (!start(why_not) || !send_packet(socket_.get(), bytes_of(question), {}, MSG_DONTWAIT))) {
        socket_.reset();
        return nothing(why_not.empty() ? "the process that could look it up takes no question" : why_not);
    }
    const auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        Answer answer;
        Descriptors none;
        if (left.count() <= 0 || !comes(socket_.get(), left) || !receive_packet(socket_.get(), bytes_of(answer), none)) {
            socket_.reset();
            return nothing("the process that could look it up gives no answer");
        }
        answer.text.back() = '\0';
        if (answer.number == question.number) return place_of(answer);
    }
}

void live_as_namer(int socket) {
    ::prctl(PR_SET_NAME, "naming");
    auto symbols = observe::Symbols::open(static_cast<std::uint32_t>(::getpid()));
    Question question;
    Descriptors none;
    while (comes(socket, kept) && receive_packet(socket, bytes_of(question), none)) {
        const NamedPlace place = symbols ? name_here(*symbols, caught_of(question)) : nothing(symbols.error().text);
        if (!send_packet(socket, bytes_of(answer_of(question.number, place)), {})) break;
    }
    ::_exit(0);
}

} // namespace connscope::server
