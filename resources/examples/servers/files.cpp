// SPDX-License-Identifier: BSL-1.0
// A file server: a client says a file's name and a newline, and gets its size, a newline and its bytes; or "none". Files are
// those of one folder. `files callbacks FOLDER`, `files awaitable FOLDER` or `files spawn FOLDER`, and a port if it shall
// not be any. It knows nothing of connscope.
#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t longest_name = 256;

// A file on its way to a client, a piece at a time.
class Outgoing {
public:
    // Opens the file and begins with its size; names with a folder in them are none of ours.
    Outgoing(const std::filesystem::path& folder, std::string name) {
        while (!name.empty() && (name.back() == '\n' || name.back() == '\r')) name.pop_back();
        const bool is_plain = !name.empty() && name.front() != '.' && name.find('/') == name.npos;
        std::error_code problem;
        const auto size = is_plain ? std::filesystem::file_size(folder / name, problem) : 0;
        if (is_plain && !problem) file_.open(folder / name, std::ios::binary);
        piece_ = file_.is_open() ? std::to_string(size) + "\n" : std::string("none\n");
    }

    asio::const_buffer piece() const { return asio::buffer(piece_); }
    // The next piece, or false at the end.
    bool next() {
        if (!file_.is_open()) return false;
        piece_.resize(std::size_t{64} * 1024);
        file_.read(piece_.data(), static_cast<std::streamsize>(piece_.size()));
        piece_.resize(static_cast<std::size_t>(file_.gcount()));
        return !piece_.empty();
    }

private:
    std::ifstream file_;
    std::string piece_;
};

struct Client : std::enable_shared_from_this<Client> {
    Client(tcp::socket connected, std::filesystem::path served)
        : socket(std::move(connected))
        , folder(std::move(served)) {}

    void read() {
        asio::async_read_until(socket, asio::dynamic_buffer(received, longest_name), '\n',
                               [self = shared_from_this()](error_code error, std::size_t length) {
                                   if (error) return;
                                   self->outgoing =
                                       std::make_unique<Outgoing>(self->folder, self->received.substr(0, length));
                                   self->received.erase(0, length);
                                   self->write();
                               });
    }
    void write() {
        asio::async_write(socket, outgoing->piece(), [self = shared_from_this()](error_code error, std::size_t) {
            if (error) return;
            if (self->outgoing->next()) return self->write();
            self->read();
        });
    }

    tcp::socket socket;
    std::filesystem::path folder;
    std::string received;
    std::unique_ptr<Outgoing> outgoing;
};

asio::awaitable<void> serve(tcp::socket socket, std::filesystem::path folder) {
    std::string received;
    for (;;) {
        const std::size_t length =
            co_await asio::async_read_until(socket, asio::dynamic_buffer(received, longest_name), '\n', asio::use_awaitable);
        Outgoing outgoing(folder, received.substr(0, length));
        received.erase(0, length);
        do co_await asio::async_write(socket, outgoing.piece(), asio::use_awaitable);
        while (outgoing.next());
    }
}

void serve(tcp::socket socket, const std::filesystem::path& folder, asio::yield_context yield) {
    std::string received;
    error_code error;
    while (!error) {
        const std::size_t length =
            asio::async_read_until(socket, asio::dynamic_buffer(received, longest_name), '\n', yield[error]);
        if (error) return;
        Outgoing outgoing(folder, received.substr(0, length));
        received.erase(0, length);
        do asio::async_write(socket, outgoing.piece(), yield[error]);
        while (!error && outgoing.next());
    }
}

void accept(tcp::acceptor& acceptor, std::string_view idiom, const std::filesystem::path& folder) {
    acceptor.async_accept([&acceptor, idiom, folder](error_code error, tcp::socket socket) {
        if (error) return;
        if (idiom == "awaitable")
            asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), folder), asio::detached);
        else if (idiom == "spawn")
            asio::spawn(
                acceptor.get_executor(),
                [socket = std::move(socket), folder](asio::yield_context yield) mutable {
                    serve(std::move(socket), folder, yield);
                },
                asio::detached);
        else
            std::make_shared<Client>(std::move(socket), folder)->read();
        accept(acceptor, idiom, folder);
    });
}

} // namespace

int main(int argc, char** argv) {
    asio::io_context context;
    const auto port = static_cast<asio::ip::port_type>(argc > 3 ? std::atoi(argv[3]) : 0);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
    std::printf("listening port=%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept(acceptor, argc > 1 ? argv[1] : "callbacks", argc > 2 ? argv[2] : ".");
    context.run();
}
