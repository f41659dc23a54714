// Recovery of a spool in which arbitrary octets were written over a segment, its name, or an identity: it comes to its end,
// gives no message that was never stored, alters none, and takes mail again. The same for facts of records that check.
#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "sim/disk.hpp"
#include "store/segment_format.hpp"
#include "store/spool_record.hpp"
#include "support/spool_ledger.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

using namespace posthorn;
using testing::SpoolHouse;

namespace {

constexpr const char* segment = "/state/spool/segment-00000001";

struct Spool {
  Spool() {
    SpoolHouse house;
    ensure(house.start().has_value(), "a spool starts");
    testing::SpoolScribe scribe{house, ledger};
    const auto ids =
        scribe.store({"one\r\n", std::string(600, 'x') + "\r\n"}, {"alice@example.org", "bob@example.org"});
    scribe.record(ids[0], {testing::outcome(1, store::RecipientStatus::queued, "451 later")});
    (void)scribe.store_large(std::string(600, 'y'));
    scribe.finish({scribe.store_one("gone\r\n")});
    house.stop();
    house.disk.cut_power();
    sim::KeepAll all;
    image = house.disk.after_power_cut(all);
  }
  testing::SpoolLedger ledger;
  std::unique_ptr<sim::Disk> image;
};

/// Gives a record that the input forged the checksums and the life it needs to be read at all.
void make_valid(std::string& bytes, std::size_t at) {
  const auto life = store::decode_segment_header(std::string_view(bytes).substr(0, store::segment_header_octets));
  if (!life || at + store::record_header_octets > bytes.size()) return;
  const auto octets = static_cast<std::uint8_t>(bytes[at + 8]) * std::size_t{8};
  if (at + store::record_header_octets + octets > bytes.size()) return;
  const auto facts = bytes.substr(at + store::record_header_octets, octets);
  const store::RecordHeader header{.type = static_cast<store::RecordType>(1 + (bytes[at] & 1)),
                                   .offset = static_cast<std::uint32_t>(at),
                                   .generation = life->generation,
                                   .life = life->life,
                                   .id = MessageId{static_cast<std::uint8_t>(bytes[at + 1]) | (std::uint64_t{1} << 40)},
                                   .batch = static_cast<std::uint32_t>(at),
                                   .batch_octets = static_cast<std::uint32_t>(store::record_octets(octets, 0)),
                                   .facts_octets = static_cast<std::uint32_t>(octets),
                                   .facts_checksum = crc32c(facts)};
  bytes.replace(at, store::record_header_octets, store::encode_record_header(header));
}

void check_served(SpoolHouse& house, const testing::SpoolLedger& ledger) {
  for (const auto& live : house.spool().live_after(MessageId{}, 1000)) {
    const auto known = ledger.entries.find(live.id);
    ensure(known != ledger.entries.end(), "no message is invented");
    const auto loaded = house.load(live.id);
    if (!loaded) continue;
    ensure(loaded->message.envelope == known->second.facts.envelope, "no envelope is altered");
    const auto text = house.text_of(live.id);
    ensure(!text || *text == known->second.text, "no text is altered");
  }
}

void check_facts(std::string_view facts) {
  if (const auto message = store::read_message(facts)) {
    ByteWriter out;
    store::put_message(out, message->message);
    store::put_settlement(out, message->settles ? &*message->settles : nullptr);
    const auto again = store::read_message(out.view());
    ensure(again && again->message.envelope == message->message.envelope && again->settles == message->settles,
           "facts that are read can be written and read");
    ensure(store::read_message_brief(facts).has_value(), "the brief form reads what the whole form reads");
  }
  if (const auto outcomes = store::read_outcomes(facts)) {
    ByteWriter out;
    store::put_outcomes(out, *outcomes);
    ensure(store::read_outcomes(out.view()) == *outcomes, "outcomes that are read can be written and read");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Spool spool;
  if (size < 4) return 0;
  const std::string octets(data + 4, data + size);
  check_facts(octets);
  const auto mode = data[0] % 4;
  const auto at = static_cast<std::size_t>((data[1] << 8 | data[2]) % 8192);
  sim::KeepAll all;
  auto disk = spool.image->after_power_cut(all);
  bool is_forged = false;
  if (mode < 2) {
    auto bytes = *disk->contents(segment);
    const auto fits = std::string_view(octets).substr(0, bytes.size() - at);
    bytes.replace(at, fits.size(), fits);
    is_forged = mode == 1;
    if (is_forged) make_valid(bytes, at / 512 * 512);
    disk->corrupt(segment, 0, bytes);
  } else {
    const std::string path = mode == 2 ? "/state/spool/segment-00000009" : "/state/spool/identity";
    disk->erase(path);
    disk->plant_file(path, octets);
  }
  SpoolHouse house{{}, std::move(disk)};
  if (!house.start()) return 0;  // refused with a reason
  if (!is_forged) check_served(house, spool.ledger);
  for (const auto& live : house.spool().live_after(MessageId{}, 1000)) (void)house.text_of(live.id);
  ensure(house.store("taken\r\n").has_value(), "mail is taken again");
  return 0;
}
