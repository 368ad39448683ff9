// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/echo.hpp"

#include <algorithm>

namespace connscope::protocol {
namespace {

constexpr std::size_t smallest_buffer = 120; // with the 8 bytes that malloc adds, two cache lines
constexpr std::size_t largest_buffer = 64 * 1024;

class EchoSession final : public Session {
public:
    Action next() override {
        if (sent_ < received_) return {Action::Kind::write};
        if (peer_finished_) return {Action::Kind::close};
        return {Action::Kind::read};
    }

    std::span<std::byte> input() override { return {buffer_.get(), capacity_}; }

    void received(std::size_t bytes) override {
        if (bytes == 0) {
            peer_finished_ = true;
            return;
        }
        received_ = std::min(bytes, capacity_);
        sent_ = 0;
    }

    std::span<const std::byte> output() const override { return {buffer_.get() + sent_, received_ - sent_}; }

    void sent(std::size_t bytes) override {
        sent_ += std::min(bytes, received_ - sent_);
        if (sent_ < received_) return;
        ++requests_;
        fit_buffer();
        sent_ = received_ = 0;
    }

    void elapsed(std::chrono::nanoseconds) override {}

    bool save(StateWriter& state) const override {
        state.put(std::uint64_t{capacity_});
        state.put(std::string_view(reinterpret_cast<const char*>(buffer_.get()), received_));
        state.put(std::uint64_t{sent_});
        state.put(requests_);
        state.put(peer_finished_);
        return true;
    }
    bool restore(StateReader& state) override {
        const auto capacity = state.take<std::uint64_t>();
        const std::string_view bytes = state.take_text();
        const auto sent = state.take<std::uint64_t>();
        state.take(requests_);
        state.take(peer_finished_);
        if (!state.complete() || capacity < smallest_buffer || capacity > largest_buffer || bytes.size() > capacity ||
            sent > bytes.size())
            return false;
        buffer_ = std::make_unique_for_overwrite<std::byte[]>(capacity);
        capacity_ = capacity;
        std::memcpy(buffer_.get(), bytes.data(), bytes.size());
        received_ = bytes.size();
        sent_ = sent;
        return true;
    }

    std::uint64_t requests() const noexcept override { return requests_; }
    std::size_t memory_bytes() const noexcept override { return sizeof(*this) + capacity_; }
    bool in_request() const noexcept override { return sent_ < received_; }

private:
    // The buffer is empty here: a full one has seen a peer that sends more at once, a nearly empty large one has not.
    void fit_buffer() {
        std::size_t wanted = capacity_;
        if (received_ == capacity_) wanted = std::min(capacity_ * 2, largest_buffer);
        if (received_ <= capacity_ / 8) wanted = std::max(capacity_ / 2, smallest_buffer);
        if (wanted == capacity_) return;
        buffer_ = std::make_unique_for_overwrite<std::byte[]>(wanted);
        capacity_ = wanted;
    }

    std::unique_ptr<std::byte[]> buffer_ = std::make_unique_for_overwrite<std::byte[]>(smallest_buffer);
    std::size_t capacity_ = smallest_buffer;
    std::size_t received_ = 0;
    std::size_t sent_ = 0;
    std::uint64_t requests_ = 0;
    bool peer_finished_ = false;
};

} // namespace

std::unique_ptr<Session> make_echo_session() { return std::make_unique<EchoSession>(); }

} // namespace connscope::protocol
