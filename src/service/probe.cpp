#include "service/probe.hpp"

#include "base/assert.hpp"
#include "base/clean_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

using Failure = ProbeReport::Failure;
using Reason = smtp::SessionEnd::Reason;
using smtp::ProbedCommand;
using smtp::ReplyMeaning;

std::string_view table_name(ProbedCommand command) { return smtp::reply_row(command).name; }

std::string_view table_name(smtp::Step step) {
  switch (step) {
    case smtp::Step::greeting:
      return table_name(ProbedCommand::connection);
    case smtp::Step::hello:
      return table_name(ProbedCommand::ehlo);
    case smtp::Step::starttls:
      return table_name(ProbedCommand::starttls);
    case smtp::Step::auth:
      return table_name(ProbedCommand::auth);
    case smtp::Step::mail:
      return table_name(ProbedCommand::mail);
    case smtp::Step::rcpt:
      return table_name(ProbedCommand::rcpt);
    case smtp::Step::data:
      return table_name(ProbedCommand::data);
    case smtp::Step::body:
    case smtp::Step::final_dot:
      return table_name(ProbedCommand::end_of_data);
    case smtp::Step::reset:
      return table_name(ProbedCommand::rset);
    case smtp::Step::quit:
      return table_name(ProbedCommand::quit);
  }
  bug("a step has a row");
}

Failure failure_of(Reason reason) {
  switch (reason) {
    case Reason::finished:
      return Failure::none;
    case Reason::refused_for_now:
      return Failure::refused_for_now;
    case Reason::refused_for_good:
    case Reason::no_authentication:
      return Failure::refused_for_good;
    case Reason::protocol_error:
      return Failure::protocol;
    case Reason::connection_lost:
    case Reason::timed_out:
    case Reason::tls_failed:
    case Reason::tls_not_offered:
    case Reason::message_failed:
      return Failure::unavailable;
  }
  bug("a session ended for a reason");
}

Failure failure_of(const Error& error) {
  return error.kind == Error::Kind::invalid ? Failure::protocol : Failure::unavailable;
}

std::string words_of(unsigned code, const std::string& text) {
  return code == 0 ? text : fmt::format("{} {}", code, text);
}

}  // namespace

std::string_view name_of(ReplyMeaning meaning) {
  switch (meaning) {
    case ReplyMeaning::success:
      return "success";
    case ReplyMeaning::intermediate:
      return "go on";
    case ReplyMeaning::failure:
      return "failure";
    case ReplyMeaning::error:
      return "error";
  }
  bug("a meaning has a name");
}

world::Task<ProbeReport> Probe::run(TextSource& text) {
  const auto began = world_.loop.now();
  report_.host = access_.host;
  auto connection = co_await connect_to(world_, access_, false, record_);
  if (connection) {
    co_await converse(**connection, text);
  } else {
    const bool is_tls = connection.error().kind == Error::Kind::tls;
    fail(Failure::unavailable, is_tls ? "TLS" : table_name(ProbedCommand::connection), connection.error().text);
  }
  report_.took = world_.loop.now() - began;
  report_.address = record_.endpoint();
  report_.steps = record_.steps();
  report_.tls = record_.tls();
  report_.handshake = record_.handshake();
  judge_steps();
  co_return std::move(report_);
}

world::Task<> Probe::converse(OutgoingConnection& connection, TextSource& text) {
  if (const auto end = co_await connection.open()) co_return judge_end(*end);
  const auto sent = co_await connection.send(message(text), text);
  if (sent.end) co_return judge_end(*sent.end);
  const auto& outcome = sent.done.outcomes.front();
  judge_outcome(outcome);
  if (order_.tours) {
    co_await tour(connection, outcome);
  } else {
    co_await connection.quit();
  }
}

/// The other commands, and the leave.
world::Task<> Probe::tour(OutgoingConnection& connection, const smtp::Outcome& mail) {
  smtp::CommandTour tour(tour_settings(connection.peer(), mail));
  while (auto line = tour.next()) {
    const auto reply = co_await connection.ask(std::move(*line));
    if (!reply) co_return fail(failure_of(reply.error()), table_name(tour.command()), reply.error().text);
    tour.answered(*reply);
  }
  if (const auto& fault = tour.fault())
    fail(failure_of(fault->reason), table_name(fault->command), words_of(fault->code, fault->text));
  if (tour.roles_are_turned()) {
    // RFC 821 §3.8: the greeting is ours to give now.
    co_await connection.hang_up(fmt::format("421 {} closing the connection", access_.hello_name));
  } else {
    co_await connection.quit();
  }
}

smtp::CommandTour::Settings Probe::tour_settings(const smtp::PeerExtensions& peer, const smtp::Outcome& mail) const {
  using enum smtp::Outcome::Kind;
  smtp::CommandTour::Settings settings{
      .sender = {}, .user = "postmaster", .transaction_is_open = mail.kind == temporary || mail.kind == permanent};
  if (order_.sender && !order_.sender->needs_smtputf8()) settings.sender = order_.sender->to_string();
  const auto& recipient = order_.recipient;
  if (recipient && !recipient->needs_smtputf8()) settings.user = recipient->to_string();
  // RFC 6531 §3.7.4.2
  if (recipient && recipient->needs_smtputf8() && peer.smtputf8) settings.user = recipient->to_string() + " SMTPUTF8";
  return settings;
}

smtp::ClientMessage Probe::message(const TextSource& text) const {
  smtp::ClientMessage message{.size = text.octets(), .stops_before_data = !order_.sends};
  message.envelope.sender = order_.sender;
  message.to_postmaster = !order_.recipient;
  const auto nobody = mail::Address::parse("postmaster@localhost");
  message.envelope.recipients.push_back({.address = order_.recipient.value_or(*nobody)});
  return message;
}

void Probe::judge_end(const smtp::SessionEnd& end) {
  const auto& steps = record_.steps();
  // The machine greets in one step, by two commands.
  const bool is_helo =
      end.step == smtp::Step::hello && std::ranges::count(steps, ProbedCommand::helo, &ProbeStep::command) > 0;
  fail(failure_of(end.reason), is_helo ? table_name(ProbedCommand::helo) : table_name(end.step),
       words_of(end.code, end.text));
}

void Probe::judge_outcome(const smtp::Outcome& outcome) {
  using enum smtp::Outcome::Kind;
  const auto words = words_of(outcome.code, outcome.text);
  switch (outcome.kind) {
    case delivered:
      return;
    case temporary:
      return fail(Failure::refused_for_now, table_name(outcome.step), words);
    case permanent:
      return fail(Failure::refused_for_good, table_name(outcome.step), words);
    case unknown:
      return fail(Failure::unavailable, table_name(outcome.step), words);
    case untried:
      if (order_.sends) fail(Failure::protocol, table_name(outcome.step), "the server takes no message");
      return;
  }
  bug("an outcome is judged");
}

/// What the conversation got over and a person should know; and QUIT, whose answer decides nothing about a mail.
void Probe::judge_steps() {
  for (const auto& step : report_.steps) {
    const auto name = table_name(step.command);
    const bool is_quit = step.command == ProbedCommand::quit;
    if (step.code == 0) {
      if (is_quit) fail(Failure::protocol, name, "no answer to QUIT came");
      continue;
    }
    const auto verdict = step.verdict();
    const bool is_bad = verdict.meaning == ReplyMeaning::error || verdict.meaning == ReplyMeaning::failure;
    if (is_quit && is_bad) fail(Failure::protocol, name, words_of(step.code, step.reply));
    if (!verdict.is_listed) {
      report_.notes.push_back(fmt::format("{} is not among the codes that RFC 5321 lists for {}", step.code, name));
    } else if (step.code / 100 == 5 && step.command == ProbedCommand::ehlo) {
      report_.notes.push_back(fmt::format("EHLO was answered with {}: the server is an old one", step.code));
    } else if (step.code == 500 && step.command == ProbedCommand::vrfy) {
      report_.notes.emplace_back(
          "VRFY is not known: RFC 5321 section 4.5.1 wants it of every server, be it to answer 252");
    } else if (step.code == 250 && step.command == ProbedCommand::turn) {
      report_.notes.emplace_back(
          "TURN was taken: whoever connects may be given other people's mail (RFC 5321 appendix F.1)");
    }
  }
}

/// The first failure counts.
void Probe::fail(Failure failure, std::string_view step, std::string_view reason) {
  if (!report_.is_ok()) return;
  report_.failure = failure;
  report_.failed_at = step;
  report_.reason = LogText(reason).text();
}

}  // namespace posthorn::service
