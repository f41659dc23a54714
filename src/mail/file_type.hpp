// The MIME type of a file by the end of its name, for attachments and files that are no text. A short list of what people
// send; everything else is application/octet-stream, which every reader can save.
#pragma once

#include <string_view>

namespace posthorn::mail {

/// "photo.JPG": "image/jpeg".
[[nodiscard]] std::string_view content_type_of_file(std::string_view name);

}  // namespace posthorn::mail
