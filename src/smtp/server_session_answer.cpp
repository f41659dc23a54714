// What the driver answers to the session's questions.
#include "base/assert.hpp"
#include "smtp/server_session.hpp"
#include "smtp/standard_replies.hpp"

#include <functional>
#include <utility>

namespace posthorn::smtp {

Effect ServerSession::question_effect() {
  switch (question_) {
    case Question::sender:
      return AskSender{transaction_->envelope};
    case Question::recipient:
      return AskRecipient{transaction_->envelope, *transaction_->asked};
    case Question::verify:
      return AskVerify{asked_text_};
    case Question::client:
      return AskClient{*client_};
    case Question::authentication:
      return AskAuthentication{
          .is_first = is_first_step_, .mechanism = mechanism_->name, .response = std::exchange(response_, {})};
    case Question::tls:
      return StartTls{replies::ready_for_tls()};
    case Question::begin:
      return BeginMessage{transaction_->envelope};
    case Question::end:
      return EndMessage{transaction_->envelope, transaction_->octets};
    case Question::none:
      break;
  }
  bug("a question is asked when there is one");
}

ServerSession::Question ServerSession::take_question() {
  ensure(question_ != Question::none && !to_be_asked_, "what was asked is answered, once");
  return std::exchange(question_, Question::none);
}

void ServerSession::accept() { accept(usual_reply()); }

Reply ServerSession::usual_reply() const {
  switch (question_) {
    case Question::sender:
      return replies::sender_ok();
    case Question::recipient:
      return replies::recipient_ok();
    case Question::begin:
      return replies::start_data();
    case Question::end:
      return replies::ok();
    case Question::verify:
    case Question::client:
    case Question::authentication:
    case Question::tls:
    case Question::none:
      break;
  }
  bug("the question has a usual answer");
}

void ServerSession::accept(Reply reply_to_client) {
  ensure(!reply_to_client.is_refusal(), "a reply that accepts is 2yz or 3yz");
  switch (take_question()) {
    case Question::sender:
      return on_sender_accepted(std::move(reply_to_client));
    case Question::recipient:
      return on_recipient_accepted(std::move(reply_to_client));
    case Question::verify:
      return reply(std::move(reply_to_client));
    case Question::begin:
      return on_begin_accepted(std::move(reply_to_client));
    case Question::end:
      return on_end_accepted(std::move(reply_to_client));
    case Question::client:
    case Question::authentication:
    case Question::tls:
    case Question::none:
      break;
  }
  bug("the question is one that accept() answers");
}

void ServerSession::refuse(Reply refusal) {
  ensure(refusal.is_refusal(), "a reply that refuses is 4yz or 5yz");
  switch (take_question()) {
    case Question::sender:
      return on_sender_refused(std::move(refusal));
    case Question::recipient:
      return refuse_recipient(std::move(refusal));
    case Question::verify:
    case Question::client:
      return refuse_command(std::move(refusal));
    case Question::authentication:
      return on_authentication_refused(std::move(refusal));
    case Question::begin:
      return on_begin_refused(std::move(refusal));
    case Question::end:
      return on_end_refused(std::move(refusal));
    case Question::tls:
    case Question::none:
      break;
  }
  bug("the question is one that refuse() answers");
}

}  // namespace posthorn::smtp
