// SPDX-License-Identifier: BSL-1.0
// What an interruption must leave alone: the work of the connections checks every register that it may use.
#include "../sanitized.hpp"
#include "../support.hpp"

#include "connscope/server/work.hpp"

#include <cstring>
#include <random>

namespace connscope::test {

// What is in the registers while a stretch of work runs, and what was found there at its end. The assembly below knows where
// each is.
struct RegisterSet {
    std::uint64_t general[15];     // rax rbx rcx rdx rsi rdi rbp r8 … r15
    std::uint64_t padding;         //
    std::int64_t x87[8];           // of 53 bits at most: exact in st0 … st7
    std::uint32_t mxcsr, padding2; //
    std::uint16_t x87_control;     //
    std::uint16_t padding3[11];    //
    std::uint8_t vectors[16][32];  // ymm0 … ymm15, or xmm in the first 16 bytes of each
};
static_assert(offsetof(RegisterSet, x87) == 128 && offsetof(RegisterSet, mxcsr) == 192 &&
              offsetof(RegisterSet, x87_control) == 200 && offsetof(RegisterSet, vectors) == 224);

extern "C" void connscope_hold_registers_sse(const RegisterSet* set, RegisterSet* found, std::uint64_t rounds);
extern "C" void connscope_hold_registers_avx(const RegisterSet* set, RegisterSet* found, std::uint64_t rounds);

// Loads all registers of `set`, counts `rounds` down in memory, and stores what all registers are then in `found`.
// clang-format off
#define HOLD_REGISTERS(NAME, MOVE, VECTOR, BEFORE_RETURN)                                                                  \
    asm(".text\n.globl " NAME "\n.type " NAME ", @function\n" NAME ":\n"                                                   \
        "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"                                          \
        "push %rsi\n push %rdi\n push %rdx\n"                                                                              \
        "ldmxcsr 192(%rdi)\n fldcw 200(%rdi)\n"                                                                            \
        "fildll 184(%rdi)\n fildll 176(%rdi)\n fildll 168(%rdi)\n fildll 160(%rdi)\n"                                      \
        "fildll 152(%rdi)\n fildll 144(%rdi)\n fildll 136(%rdi)\n fildll 128(%rdi)\n"                                      \
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n " MOVE " 224+32*\\n(%rdi), %" VECTOR "\\n\n .endr\n"               \
        "mov 0(%rdi), %rax\n mov 8(%rdi), %rbx\n mov 16(%rdi), %rcx\n mov 24(%rdi), %rdx\n mov 32(%rdi), %rsi\n"           \
        "mov 48(%rdi), %rbp\n mov 56(%rdi), %r8\n mov 64(%rdi), %r9\n mov 72(%rdi), %r10\n mov 80(%rdi), %r11\n"           \
        "mov 88(%rdi), %r12\n mov 96(%rdi), %r13\n mov 104(%rdi), %r14\n mov 112(%rdi), %r15\n mov 40(%rdi), %rdi\n"       \
        "1: decq (%rsp)\n jnz 1b\n"                                                                                        \
        "push %r15\n push %r14\n push %r13\n push %r12\n push %r11\n push %r10\n push %r9\n push %r8\n push %rbp\n"        \
        "push %rdi\n push %rsi\n push %rdx\n push %rcx\n push %rbx\n push %rax\n"                                          \
        "mov 136(%rsp), %rsi\n"                                                                                            \
        ".irp n,0,8,16,24,32,40,48,56,64,72,80,88,96,104,112\n pop %rax\n mov %rax, \\n(%rsi)\n .endr\n"                   \
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n " MOVE " %" VECTOR "\\n, 224+32*\\n(%rsi)\n .endr\n"               \
        "fistpll 128(%rsi)\n fistpll 136(%rsi)\n fistpll 144(%rsi)\n fistpll 152(%rsi)\n"                                  \
        "fistpll 160(%rsi)\n fistpll 168(%rsi)\n fistpll 176(%rsi)\n fistpll 184(%rsi)\n"                                  \
        "stmxcsr 192(%rsi)\n fnstcw 200(%rsi)\n"                                                                           \
        "fninit\n movl $0x1f80, (%rsp)\n ldmxcsr (%rsp)\n " BEFORE_RETURN "\n"                                             \
        "add $24, %rsp\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n"                          \
        ".size " NAME ", .-" NAME "\n")
HOLD_REGISTERS("connscope_hold_registers_sse", "movups", "xmm", "");
HOLD_REGISTERS("connscope_hold_registers_avx", "vmovups", "ymm", "vzeroupper");
// clang-format on

namespace {

std::atomic<std::uint64_t> checks{0}, errors{0}, wrong_general{0}, wrong_x87{0}, wrong_control{0}, wrong_vectors{0};

std::uint64_t next_random(std::uint64_t& state) { // xorshift64
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

void fill(RegisterSet& set, std::uint64_t& state) {
    for (std::uint64_t& value : set.general) value = next_random(state);
    for (std::int64_t& value : set.x87)
        value = static_cast<std::int64_t>(next_random(state) >> 12) - (std::int64_t{1} << 50);
    for (auto& vector : set.vectors)
        for (std::uint8_t& byte : vector) byte = static_cast<std::uint8_t>(next_random(state));
    // All exceptions masked; rounding to whatever, which an interruption must leave alone like the rest. x87 with 53 or 64
    // bits of precision, which hold the values above exactly.
    set.mxcsr = 0x1f80 | static_cast<std::uint32_t>(next_random(state) & 3) << 13;
    set.x87_control = static_cast<std::uint16_t>(0x027f | (next_random(state) & 1) << 8 | (next_random(state) & 3) << 10);
}

// The work: many stretches of some microseconds, each of which checks all registers.
void checked_work(telemetry::Ticks span) {
    static const bool avx = __builtin_cpu_supports("avx") > 0;
    const telemetry::Ticks begin = telemetry::ticks();
    std::uint64_t state = begin | 1;
    RegisterSet set{}, found{};
    do {
        fill(set, state);
        std::memset(&found, 0, sizeof(found));
        (avx ? connscope_hold_registers_avx : connscope_hold_registers_sse)(&set, &found, 5000);
        const bool general = std::memcmp(set.general, found.general, sizeof(set.general)) == 0;
        const bool x87 = std::memcmp(set.x87, found.x87, sizeof(set.x87)) == 0;
        const bool control = set.mxcsr == (found.mxcsr & ~0x3fu) && set.x87_control == found.x87_control;
        bool vectors = true;
        for (int i = 0; i < 16; ++i) vectors = vectors && std::memcmp(set.vectors[i], found.vectors[i], avx ? 32 : 16) == 0;
        checks.fetch_add(1, std::memory_order_relaxed);
        if (general && x87 && control && vectors) continue;
        errors.fetch_add(1, std::memory_order_relaxed);
        wrong_general += general ? 0 : 1;
        wrong_x87 += x87 ? 0 : 1;
        wrong_control += control ? 0 : 1;
        wrong_vectors += vectors ? 0 : 1;
    } while (telemetry::ticks() - begin < span);
}

int number_or(const char* variable, int otherwise) {
    const char* const text = std::getenv(variable);
    return text != nullptr ? std::atoi(text) : otherwise;
}

// CONNSCOPE_REGISTER_SECONDS and CONNSCOPE_REGISTER_FIBERS make it longer and larger.
TEST(registers, every_one_is_after_an_interruption_what_it_was_before) {
    if (sanitized) GTEST_SKIP() << "it interrupts code that has no sanitizer's checks in it";
    const int seconds = number_or("CONNSCOPE_REGISTER_SECONDS", 2);
    const int fibers = number_or("CONNSCOPE_REGISTER_FIBERS", 100);
    server::ServerOptions options;
    options.mode = "preemptive-fibers";
    options.protocol = "http";
    options.mode_options.slice = 1ms;
    options.mode_options.stack_bytes = 32768;
    const RunningServer server(options);
    server::replace_work(checked_work);
    Child load({"connscope-load", "--connect", "127.0.0.1:" + std::to_string(server.port()), "--protocol", "http",
                "--population", "hog:" + std::to_string(fibers) + ",us=5000", "--duration", std::to_string(seconds),
                "--timeout", "60", "--json", "--quiet"});
    const std::string rest = load.rest();
    EXPECT_EQ(load.wait(), 0) << rest;
    std::uint64_t slices = 0;
    const telemetry::ServerReading reading = server.reading();
    slices = reading.counters.slices;
    std::cout << checks << " checks of all registers in " << slices << " slices of " << fibers << " fibers, " << seconds
              << " s: " << errors << " errors\n";
    EXPECT_GT(checks, 1000u);
    EXPECT_GT(slices, static_cast<std::uint64_t>(seconds) * 200) << "it was interrupted";
    EXPECT_EQ(errors, 0u) << wrong_general << " of general registers, " << wrong_x87 << " of x87, " << wrong_control
                          << " of control words, " << wrong_vectors << " of vectors";
    server::replace_work(nullptr);
}

TEST(registers, the_check_finds_a_register_that_changed) {
    RegisterSet set{}, found{};
    std::uint64_t state = 42;
    fill(set, state);
    connscope_hold_registers_sse(&set, &found, 1);
    EXPECT_EQ(std::memcmp(set.general, found.general, sizeof(set.general)), 0);
    EXPECT_EQ(std::memcmp(set.x87, found.x87, sizeof(set.x87)), 0);
    for (int i = 0; i < 16; ++i) EXPECT_EQ(std::memcmp(set.vectors[i], found.vectors[i], 16), 0);
    EXPECT_EQ(set.x87_control, found.x87_control);
    EXPECT_EQ(set.mxcsr, found.mxcsr & ~0x3fu);
    RegisterSet other = set;
    other.general[14] ^= 1;
    connscope_hold_registers_sse(&other, &found, 1);
    EXPECT_NE(std::memcmp(set.general, found.general, sizeof(set.general)), 0);
}

} // namespace
} // namespace connscope::test
