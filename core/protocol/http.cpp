// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/http.hpp"

#include "connscope/protocol/byte_buffer.hpp"
#include "connscope/protocol/http_answers.hpp"
#include "connscope/protocol/http_parser.hpp"
#include "connscope/protocol/http_resources.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace connscope::protocol {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t smallest_input = 256;
constexpr std::size_t largest_piece = 64 * 1024; // of a long answer, offered to one write

// The line of /bytes, over and over: what a long answer is sent from, one for all sessions.
std::string_view repeated_line() {
    static const std::string text = [] {
        std::string lines;
        lines.reserve(largest_piece + http_bytes_line.size());
        while (lines.size() < largest_piece + http_bytes_line.size()) lines += http_bytes_line;
        return lines;
    }();
    return text;
}

class HttpSession final : public Session {
public:
    HttpSession() { input_.set_capacity(smallest_input); }

    Action next() override { return action_; }

    std::span<std::byte> input() override { return input_.room(); }
    void received(std::size_t bytes) override;
    std::span<const std::byte> output() const override { return std::as_bytes(std::span(outgoing())); }
    void sent(std::size_t bytes) override;
    void elapsed(nanoseconds time) override;
    void timed_out() override;

    bool save(StateWriter& state) const override;
    bool restore(StateReader& state) override;

    std::uint64_t requests() const noexcept override { return requests_; }
    std::size_t memory_bytes() const noexcept override {
        return sizeof(*this) + input_.capacity() + output_.capacity() + (body_ ? body_->memory_bytes() : 0);
    }
    bool in_request() const noexcept override {
        return (stage_ == Stage::reading_head && !input_.empty()) || stage_ == Stage::reading_body;
    }

private:
    // Where the session stands in the life of a request.
    enum class Stage : std::uint8_t {
        reading_head,
        reading_body,
        acting,    // computing, yielding or pausing as the plan says
        answering, // the answer's head and the beginning of its body are about to go into output_
        streaming, // what is left of the answer's body
        ending,    // nothing is read any more: what is in output_ is sent, then the connection closes
    };
    enum class HeadEnd : std::uint8_t { found, not_yet, never };
    // What direct_ is a part of.
    enum class Source : std::uint8_t { nothing, greeting, repeated_line, kept_body };
    std::string_view whole_of(Source source) const;

    // Goes on until something must be waited for, which is then in action_.
    void advance();

    // These do one stage's work: true if the next stage can be entered, false if action_ was set.
    bool read_head();
    bool read_body();
    bool act();
    void answer();
    bool stream();

    HeadEnd find_head_end(std::size_t& bytes);
    bool begins_like_a_request(std::string_view head_so_far);
    bool begin(HttpRequest request, std::size_t head_bytes);
    bool refuse(HttpStatus status);
    bool refuse_too_large();
    void put_answer_head(HttpStatus status, std::uint64_t length);
    void finish_answer();
    void fit_to_idleness();

    bool want(Action::Kind kind, nanoseconds duration = {}) {
        action_ = {kind, duration};
        return false;
    }
    bool want_input();
    bool anything_to_send() const noexcept { return !output_.empty() || !direct_.empty(); }
    std::string_view outgoing() const noexcept { return output_.empty() ? direct_ : output_.contents(); }

    Action action_{Action::Kind::read};
    ByteBuffer input_;
    ByteBuffer output_;       // goes out before direct_
    std::string_view direct_; // sent from where it lies: the repeated line, the greeting, the kept body
    std::unique_ptr<HttpBody> body_;
    HttpPlan plan_;            // time and length count down
    nanoseconds slice_left_{}; // of the time until the next yield
    std::uint64_t requests_ = 0;
    std::uint64_t unsent_answers_ = 0; // complete, the last of them at the end of output_
    std::uint32_t scanned_ = 0;        // bytes of input_ that are known to hold no end of a head
    std::uint32_t most_input_ = 0;     // the most that input_ held since the session was idle
    Stage stage_ = Stage::reading_head;
    HttpPersistence persistence_ = HttpPersistence::implied;
    bool head_only_ = false; // the request is a HEAD
    bool yield_due_ = false;
    bool peer_finished_ = false;
    bool line_checked_ = false; // of an incomplete head
    bool blank_line_skipped_ = false;
    bool input_was_full_ = false;
};

void HttpSession::received(std::size_t bytes) {
    if (bytes == 0) peer_finished_ = true;
    input_was_full_ = bytes != 0 && bytes >= input_.room().size();
    input_.filled(bytes);
    most_input_ = std::max(most_input_, static_cast<std::uint32_t>(input_.size()));
    advance();
}

void HttpSession::sent(std::size_t bytes) {
    if (!output_.empty()) {
        const std::size_t from_output = std::min(bytes, output_.size());
        output_.consume(from_output);
        bytes -= from_output;
    }
    direct_.remove_prefix(std::min(bytes, direct_.size()));
    if (anything_to_send()) return;
    requests_ += std::exchange(unsent_answers_, 0);
    advance();
}

void HttpSession::elapsed(nanoseconds time) {
    if (stage_ != Stage::acting) return;
    if (yield_due_) {
        yield_due_ = false;
    } else {
        time = std::clamp(time, nanoseconds::zero(), action_.duration);
        plan_.time -= time;
        slice_left_ -= time;
        yield_due_ = plan_.yield_every.count() > 0 && slice_left_.count() <= 0 && plan_.time.count() > 0;
        if (slice_left_.count() <= 0) slice_left_ = plan_.yield_every;
    }
    advance();
}

void HttpSession::timed_out() {
    if (in_request() && !anything_to_send()) {
        refuse(HttpStatus::timed_out);
    } else {
        output_.clear();
        direct_ = {};
        stage_ = Stage::ending;
    }
    advance();
}

std::string_view HttpSession::whole_of(Source source) const {
    switch (source) {
    case Source::greeting:
        return http_answers().greeting();
    case Source::repeated_line:
        return repeated_line();
    case Source::kept_body:
        return body_ ? std::string_view(body_->kept()) : std::string_view{};
    case Source::nothing:
        break;
    }
    return {};
}

bool HttpSession::save(StateWriter& state) const {
    const auto put = [&state](auto... values) { (state.put(values), ...); };
    put(action_.kind, action_.duration.count(), stage_, persistence_, head_only_, yield_due_, peer_finished_, line_checked_,
        blank_line_skipped_, input_was_full_, requests_, unsent_answers_, scanned_, most_input_, slice_left_.count());
    put(std::uint64_t{input_.capacity()}, input_.contents(), output_.contents());
    put(plan_.kind, plan_.status, plan_.time.count(), plan_.yield_every.count(), plan_.length, plan_.text);
    put(body_ != nullptr);
    if (body_) body_->save(state);
    Source source = Source::nothing;
    std::uint64_t offset = 0;
    for (const Source one : {Source::greeting, Source::repeated_line, Source::kept_body}) {
        const std::string_view whole = whole_of(one);
        if (direct_.empty() || direct_.data() < whole.data() || direct_.data() >= whole.data() + whole.size()) continue;
        source = one;
        offset = static_cast<std::uint64_t>(direct_.data() - whole.data());
    }
    put(source, offset, std::uint64_t{direct_.size()});
    return true;
}

bool HttpSession::restore(StateReader& state) {
    const auto take = [&state](auto&... values) { (state.take(values), ...); };
    const auto take_time = [&state](nanoseconds& time) { time = nanoseconds(state.take<nanoseconds::rep>()); };
    take(action_.kind);
    take_time(action_.duration);
    take(stage_, persistence_, head_only_, yield_due_, peer_finished_, line_checked_, blank_line_skipped_, input_was_full_,
         requests_, unsent_answers_, scanned_, most_input_);
    take_time(slice_left_);
    if (action_.kind > Action::Kind::close || stage_ > Stage::ending || persistence_ >= HttpPersistence::count_)
        return false;

    const auto capacity = state.take<std::uint64_t>();
    const std::string_view input = state.take_text();
    if (capacity > HttpLimits::input_bytes || input.size() > capacity) return false;
    input_.give_back();
    if (capacity > 0) input_.set_capacity(capacity);
    input_.append(input);
    output_.append(state.take_text());

    take(plan_.kind, plan_.status);
    if (plan_.kind > HttpPlan::Kind::echo || plan_.status >= HttpStatus::count_) return false;
    take_time(plan_.time);
    take_time(plan_.yield_every);
    take(plan_.length);
    const auto text = http_plan_text(state.take_text());
    if (!text) return false;
    plan_.text = *text;
    if (state.take<bool>() && (body_ = HttpBody::restore(state)) == nullptr) return false;

    const auto source = state.take<Source>();
    const auto offset = state.take<std::uint64_t>();
    const auto length = state.take<std::uint64_t>();
    const std::string_view whole = whole_of(source);
    if (offset > whole.size() || length > whole.size() - offset) return false;
    direct_ = whole.substr(offset, length);
    return state.complete();
}

void HttpSession::advance() {
    for (;;) {
        switch (stage_) {
        case Stage::reading_head:
            if (!read_head()) return;
            break;
        case Stage::reading_body:
            if (!read_body()) return;
            break;
        case Stage::acting:
            if (!act()) return;
            break;
        case Stage::answering:
            answer();
            break;
        case Stage::streaming:
            if (!stream()) return;
            break;
        case Stage::ending:
            want(anything_to_send() ? Action::Kind::write : Action::Kind::close);
            return;
        }
    }
}

// Answers that are ready go out before anything else is waited for.
bool HttpSession::want_input() {
    if (anything_to_send()) return want(Action::Kind::write);
    if (peer_finished_) {
        if (in_request()) return refuse(HttpStatus::malformed);
        stage_ = Stage::ending;
        return true;
    }
    if (in_request()) {
        if (input_was_full_ && input_.capacity() < HttpLimits::input_bytes) input_.set_capacity(input_.capacity() * 2);
        if (input_.room().empty()) input_.compact();
    } else {
        fit_to_idleness();
    }
    input_was_full_ = false;
    return want(Action::Kind::read);
}

// Between two requests a session holds as little as its peer's habits allow.
void HttpSession::fit_to_idleness() {
    output_.give_back();
    std::size_t capacity = input_.capacity();
    if (input_was_full_) capacity *= 2;
    if (most_input_ <= capacity / 4) capacity /= 2;
    capacity = std::clamp(capacity, smallest_input, HttpLimits::idle_input_bytes);
    if (capacity != input_.capacity()) input_.set_capacity(capacity);
    most_input_ = 0;
}

bool HttpSession::read_head() {
    if (output_.size() >= HttpLimits::coalesced_bytes) return want(Action::Kind::write);
    if (input_.empty()) return want_input();
    std::size_t bytes = 0;
    switch (find_head_end(bytes)) {
    case HeadEnd::not_yet:
        return want_input();
    case HeadEnd::never:
        return true;
    case HeadEnd::found:
        break;
    }
    return begin(parse_http_head(input_.contents().substr(0, bytes)), bytes);
}

// Where the head ends. An incomplete head is only looked at as far as needed to refuse what can never become one, so that
// the answer does not depend on how the bytes were cut into reads.
HttpSession::HeadEnd HttpSession::find_head_end(std::size_t& bytes) {
    auto head = input_.contents();
    if (!blank_line_skipped_ && head.starts_with("\r\n")) { // RFC 9112, section 2.2
        blank_line_skipped_ = true;
        scanned_ = 0;
        input_.consume(2);
        head = input_.contents();
    }
    head = head.substr(0, HttpLimits::head_bytes);
    const auto end = head.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
    if (end != std::string_view::npos) {
        bytes = end + 4;
        return HeadEnd::found;
    }
    if (!begins_like_a_request(head)) {
        refuse(HttpStatus::malformed);
        return HeadEnd::never;
    }
    if (head.size() == HttpLimits::head_bytes) {
        refuse(HttpStatus::head_too_large);
        return HeadEnd::never;
    }
    return HeadEnd::not_yet;
}

bool HttpSession::begins_like_a_request(std::string_view head_so_far) {
    for (std::size_t i = scanned_; i < head_so_far.size(); ++i) {
        const char c = head_so_far[i];
        const bool after_return = i > 0 && head_so_far[i - 1] == '\r';
        if (after_return != (c == '\n')) return false;
        if ((static_cast<unsigned char>(c) < ' ' && c != '\r' && c != '\n' && c != '\t') || c == '\x7f') return false;
        if (c == '\n' && !line_checked_) {
            if (!is_http_request_line(head_so_far.substr(0, i + 1))) return false;
            line_checked_ = true;
        }
    }
    scanned_ = static_cast<std::uint32_t>(head_so_far.size());
    return true;
}

// A head has come in: decides what will be done about it.
bool HttpSession::begin(HttpRequest request, std::size_t head_bytes) {
    if (request.status != HttpStatus::ok) return refuse(request.status);
    persistence_ = !request.keep_alive    ? HttpPersistence::closing
                   : !request.version_1_1 ? HttpPersistence::announced
                                          : HttpPersistence::implied;
    head_only_ = request.method == HttpMethod::head;
    plan_ = http_plan(request.method, request.target);
    slice_left_ = plan_.yield_every;
    yield_due_ = false;
    // The request's views end here.
    input_.consume(head_bytes);
    scanned_ = 0;
    line_checked_ = blank_line_skipped_ = false;

    if (!request.body) {
        stage_ = plan_.time.count() > 0 ? Stage::acting : Stage::answering;
        return true;
    }
    const std::uint64_t length = request.content_length.value_or(0);
    if (length > HttpLimits::drained_bytes) return refuse_too_large();
    if (request.expects_continue) {
        // The peer waits before it sends the body: an answer that does not need it spares both the trouble.
        if (length > HttpLimits::body_bytes) return refuse_too_large();
        if (plan_.status != HttpStatus::ok) {
            persistence_ = HttpPersistence::closing;
            stage_ = Stage::answering;
            return true;
        }
        output_.append(http_continue);
    }
    body_ = std::move(request.body);
    if (plan_.kind == HttpPlan::Kind::echo) body_->keep_up_to(HttpLimits::body_bytes);
    stage_ = Stage::reading_body;
    return true;
}

bool HttpSession::read_body() {
    if (anything_to_send()) return want(Action::Kind::write);
    for (;;) {
        if (input_.empty()) return want_input();
        const auto [state, consumed] = body_->take(input_.contents());
        input_.consume(consumed);
        if (body_->decoded_bytes() > HttpLimits::drained_bytes) return refuse_too_large();
        if (state == HttpBody::State::malformed) return refuse(HttpStatus::malformed);
        if (state == HttpBody::State::complete) break;
        if (consumed == 0) return want_input();
    }
    if (body_->decoded_bytes() > HttpLimits::body_bytes) return refuse_too_large();
    stage_ = plan_.time.count() > 0 ? Stage::acting : Stage::answering;
    return true;
}

bool HttpSession::act() {
    if (anything_to_send()) return want(Action::Kind::write);
    if (yield_due_) return want(Action::Kind::yield);
    if (plan_.time.count() <= 0) {
        stage_ = Stage::answering;
        return true;
    }
    if (plan_.kind == HttpPlan::Kind::pause) return want(Action::Kind::pause, plan_.time);
    const bool sliced = plan_.yield_every.count() > 0;
    return want(Action::Kind::compute, sliced ? std::min(slice_left_, plan_.time) : plan_.time);
}

void HttpSession::answer() {
    stage_ = Stage::streaming;
    switch (plan_.kind) {
    case HttpPlan::Kind::greeting: {
        const auto& answers = http_answers();
        if (persistence_ == HttpPersistence::implied && output_.empty() && input_.empty()) {
            direct_ = answers.greeting().substr(0, head_only_ ? answers.greeting_head_bytes() : std::string_view::npos);
            plan_.length = 0;
            return;
        }
        put_answer_head(HttpStatus::ok, http_greeting_text.size());
        if (!head_only_) output_.append(http_greeting_text);
        plan_.length = 0;
        return;
    }
    case HttpPlan::Kind::text:
    case HttpPlan::Kind::work:
    case HttpPlan::Kind::pause:
        put_answer_head(plan_.status, plan_.text.size());
        if (!head_only_) output_.append(plan_.text);
        plan_.length = 0;
        return;
    case HttpPlan::Kind::echo:
        plan_.length = body_ ? body_->kept().size() : 0;
        break;
    case HttpPlan::Kind::bytes:
        break;
    }
    put_answer_head(HttpStatus::ok, plan_.length);
    if (head_only_) plan_.length = 0;
    // A short body shares its head's write; a long one is sent from where it lies.
    const std::size_t together = std::min<std::uint64_t>(plan_.length, HttpLimits::coalesced_bytes);
    const auto source = plan_.kind == HttpPlan::Kind::echo && body_ ? std::string_view(body_->kept()) : repeated_line();
    output_.append(source.substr(0, together));
    plan_.length -= together;
}

bool HttpSession::stream() {
    if (!direct_.empty()) return want(Action::Kind::write);
    if (plan_.length == 0) {
        finish_answer();
        return true;
    }
    if (!output_.empty()) return want(Action::Kind::write);
    output_.give_back();
    const std::size_t piece = std::min<std::uint64_t>(plan_.length, largest_piece);
    if (plan_.kind == HttpPlan::Kind::echo) {
        const std::string_view kept = body_->kept();
        direct_ = kept.substr(kept.size() - plan_.length, piece);
    } else {
        // output_'s part and all pieces are multiples of the line's length, so each piece begins a line.
        static_assert(HttpLimits::coalesced_bytes % http_bytes_line.size() == 0 &&
                      largest_piece % http_bytes_line.size() == 0);
        direct_ = repeated_line().substr(0, piece);
    }
    plan_.length -= piece;
    return want(Action::Kind::write);
}

void HttpSession::finish_answer() {
    ++(output_.empty() ? requests_ : unsent_answers_);
    body_.reset();
    stage_ = persistence_ == HttpPersistence::closing ? Stage::ending : Stage::reading_head;
}

void HttpSession::put_answer_head(HttpStatus status, std::uint64_t length) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
    output_.append(http_answers().head_up_to_length(status, persistence_));
    output_.append({digits.data(), static_cast<std::size_t>(end - digits.data())});
    output_.append("\r\n\r\n");
}

// The connection cannot go on after this answer: where the next request begins is unknown.
bool HttpSession::refuse(HttpStatus status) {
    const bool without_body = stage_ == Stage::reading_body && head_only_;
    persistence_ = HttpPersistence::closing;
    const auto text = HttpAnswers::explanation(status);
    put_answer_head(status, text.size());
    if (!without_body) output_.append(text);
    ++unsent_answers_;
    input_.give_back();
    body_.reset();
    stage_ = Stage::ending;
    return true;
}

bool HttpSession::refuse_too_large() {
    stage_ = Stage::reading_body;
    return refuse(HttpStatus::body_too_large);
}

} // namespace

std::unique_ptr<Session> make_http_session() { return std::make_unique<HttpSession>(); }

} // namespace connscope::protocol
