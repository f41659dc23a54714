#include "cli/sendmail_session.hpp"

#include "system/clock.hpp"
#include "system/standard_streams.hpp"

#include <memory>
#include <utility>
#include <variant>

namespace posthorn::cli {
namespace {

constexpr Duration wait_limit = std::chrono::minutes{5};  // RFC 5321 §4.5.3.2.7

std::shared_ptr<const smtp::ServerSettings> make_settings(const SendmailPlace& place) {
  auto settings = std::make_shared<smtp::ServerSettings>();
  settings->hostname = place.hostname;
  settings->message_octets = place.message.octets;
  if (auto postmaster = qualified("postmaster", place.domain)) settings->postmaster = std::move(*postmaster);
  return settings;
}

template <class... Functions>
struct overloaded : Functions... {
  using Functions::operator()...;
};

smtp::Reply not_kept() { return {451, {4, 3, 0}, "the message could not be kept, try again later"}; }
smtp::Reply not_here() { return {502, {5, 5, 1}, "not here"}; }

}  // namespace

SendmailSession::SendmailSession(const SendmailPlace& place) : place_(place), session_(make_settings(place)) {}

ExitStatus SendmailSession::run() {
  session_.start();
  while (true) {
    auto effect = session_.next();
    if (!perform(effect)) break;
  }
  return flush() ? ExitStatus::ok : ExitStatus::io_fault;
}

/// False: it is over. Who may send to whom is judged when the server picks the message up.
bool SendmailSession::perform(smtp::Effect& effect) {
  return std::visit(overloaded{
                        [this](const smtp::SendReply& send) {
                          send.reply.append_to(replies_);
                          return true;
                        },
                        [this](const smtp::AskSender&) { return session_.accept(), true; },
                        [this](const smtp::AskRecipient&) { return session_.accept(), true; },
                        [this](const smtp::AskVerify&) { return session_.refuse(not_here()), true; },
                        [this](const smtp::AskClient&) { return session_.refuse(not_here()), true; },
                        [this](const smtp::AskAuthentication&) { return session_.refuse(not_here()), true; },
                        [this](const smtp::StartTls&) { return session_.tls_failed(), true; },
                        [this](const smtp::BeginMessage& question) { return begin(question.envelope.get()), true; },
                        [this](const smtp::MessageBytes& message) { return take(message.bytes), true; },
                        [this](const smtp::EndMessage&) { return end(), true; },
                        [this](const smtp::DropMessage&) { return writer_.reset(), true; },
                        [](const smtp::DropAuthentication&) { return true; },
                        [this](const smtp::Wait&) { return exchange(); },
                        [](const smtp::Close&) { return false; },
                    },
                    effect);
}

/// Says what waits to be said and hears what comes.
bool SendmailSession::exchange() {
  if (!flush()) session_.end_of_stream();
  if (!session_.wants_input()) return true;
  const auto count = system::read_standard_input(input_, wait_limit);
  if (!count && count.error().kind == Error::Kind::timed_out) {
    session_.timed_out();
  } else if (!count || *count == 0) {
    session_.end_of_stream();
  } else {
    session_.receive(with_crlf({input_.data(), *count}));
  }
  return true;
}

/// A person at a terminal, and many a script, ends lines with LF. Who ended the first one with CRLF does so always: a bare LF in his
/// message is not to become the end of a line, nor of the message.
std::string_view SendmailSession::with_crlf(std::string_view octets) {
  if (!knows_line_ends_) {
    const auto end = octets.find('\n');
    knows_line_ends_ = end != std::string_view::npos;
    const bool after_cr = end == 0 ? ends_with_cr_ : knows_line_ends_ && octets[end - 1] == '\r';
    if (knows_line_ends_ && !after_cr) bare_line_ends_.emplace(false);
    ends_with_cr_ = octets.ends_with('\r');
  }
  return bare_line_ends_ ? bare_line_ends_->feed(octets) : octets;
}

Result<> SendmailSession::flush() { return system::write_standard_output(std::exchange(replies_, {}), wait_limit); }

void SendmailSession::begin(const mail::Envelope& envelope) {
  auto box = open_drop_box(place_);
  if (!box) return session_.refuse(not_kept());
  const system::SystemClock clock;
  system::KernelRandom random;
  auto writer = box->begin(envelope, clock.wall(), random);
  if (!writer) return session_.refuse(not_kept());
  writer_.emplace(std::move(*writer));
  session_.accept();
}

void SendmailSession::take(std::string_view octets) {
  if (writer_->append(octets)) return;
  writer_.reset();
  session_.fail_message(not_kept());
}

void SendmailSession::end() {
  const auto finished = writer_->finish();
  writer_.reset();
  finished ? session_.accept() : session_.refuse(not_kept());
}

}  // namespace posthorn::cli
