// The Content-Disposition of attachments (RFC 2183).
#pragma once

#include <string>
#include <string_view>

namespace posthorn::mail {

/// The field's value for an attachment that is offered under this name (UTF-8, without folders). A name that is empty or no
/// UTF-8 is left out; what is not plain ASCII is encoded (RFC 2231 §4), so that no name can be more than a name.
[[nodiscard]] std::string attachment_disposition(std::string_view name);

}  // namespace posthorn::mail
