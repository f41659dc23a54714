#include "smtp/client_settings.hpp"

#include "base/assert.hpp"

namespace posthorn::smtp {

std::string_view name_of(Step step) {
  switch (step) {
    case Step::greeting:
      return "greeting";
    case Step::hello:
      return "EHLO";
    case Step::starttls:
      return "STARTTLS";
    case Step::auth:
      return "AUTH";
    case Step::mail:
      return "MAIL";
    case Step::rcpt:
      return "RCPT";
    case Step::data:
      return "DATA";
    case Step::body:
      return "message text";
    case Step::final_dot:
      return "final dot";
    case Step::reset:
      return "RSET";
    case Step::quit:
      return "QUIT";
  }
  bug("a step has a name");
}

Duration ClientSettings::timeout(Step step) const {
  switch (step) {
    case Step::greeting:
      return greeting_timeout;
    case Step::hello:
      return hello_timeout;
    case Step::starttls:
      return starttls_timeout;
    case Step::auth:
      return auth_timeout;
    case Step::mail:
      return mail_timeout;
    case Step::rcpt:
      return rcpt_timeout;
    case Step::data:
      return data_timeout;
    case Step::body:
      return body_timeout;
    case Step::final_dot:
      return final_dot_timeout;
    case Step::reset:
      return reset_timeout;
    case Step::quit:
      return quit_timeout;
  }
  bug("a step has a deadline");
}

}  // namespace posthorn::smtp
