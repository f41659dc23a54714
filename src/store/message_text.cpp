#include "store/message_text.hpp"

#include "base/crc32c.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::store {

MessageText::State::State(std::shared_ptr<SpoolCore> of, MessageId named, ReadMessage& message)
    : core(std::move(of)), id(named) {
  if (message.is_damaged) return;
  octets = message.facts.octets;
  content = std::move(message.content);
  body = std::move(message.facts.body_file);
}

Result<> MessageText::State::read_block() {
  if (!file) {
    auto opened = core->bodies->open(id);
    if (!opened && opened.error().kind == Error::Kind::not_found) {
      core->reader.body_is_bad(id, "the file is missing");
      return failure(Error::Kind::corrupt, "the body of the message is missing");
    }
    if (!opened) return failure(std::move(opened).error());
    file = *std::move(opened);
  }
  const auto at = std::uint64_t{next_block} * body->block_octets;
  block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(body->block_octets, body->octets - at)));
  auto size = file->read_at(at, block);
  for (int again = 1; again < read_tries && !size; ++again) size = file->read_at(at, block);
  if (!size && size.error().kind != Error::Kind::io) return failure(size.error());
  if (!size || *size != block.size() || crc32c(block) != body->checksums[next_block]) {
    core->reader.body_is_bad(id, size ? "it fails its checksum" : size.error().text);
    return failure(Error::Kind::corrupt, "the body of the message is damaged");
  }
  ++next_block;
  return {};
}

MessageText::MessageText() = default;
MessageText::MessageText(std::unique_ptr<State> state) : state_(std::move(state)) {}
MessageText::MessageText(MessageText&&) noexcept = default;
MessageText& MessageText::operator=(MessageText&&) noexcept = default;
MessageText::~MessageText() = default;

std::uint64_t MessageText::octets() const { return state_ ? state_->octets : 0; }

void MessageText::rewind() {
  if (!state_) return;
  state_->content_was_given = false;
  state_->next_block = 0;
}

world::Task<Result<std::string_view>> MessageText::next(world::Loop& loop) {
  if (!state_) co_return std::string_view{};
  auto& state = *state_;
  if (!std::exchange(state.content_was_given, true) && !state.content.empty())
    co_return std::string_view(state.content);
  if (!state.body || state.next_block == state.body->checksums.size()) co_return std::string_view{};
  auto read = co_await world::on_workers(state.core->world.readers, loop, [&state] { return state.read_block(); });
  if (!read) co_return failure(std::move(read).error());
  co_return std::string_view(state.block);
}

}  // namespace posthorn::store
