#include "planted_faults.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn {

inline namespace with_planted_faults {
namespace {

constexpr auto faults = std::to_array<std::pair<std::string_view, PlantedFault>>({
    {"spool-sync-left-out", PlantedFault::spool_sync_left_out},
    {"spool-write-error-ignored", PlantedFault::spool_write_error_ignored},
    {"spool-sync-error-ignored", PlantedFault::spool_sync_error_ignored},
    {"spool-sync-tried-again", PlantedFault::spool_sync_tried_again},
    {"spool-outcome-not-written", PlantedFault::spool_outcome_not_written},
    {"spool-settlement-left-out", PlantedFault::spool_settlement_left_out},
    {"spool-id-given-twice", PlantedFault::spool_id_given_twice},
    {"spool-live-segment-reused", PlantedFault::spool_live_segment_reused},
    {"spool-abandoned-message-kept", PlantedFault::spool_abandoned_message_kept},
    {"body-sync-left-out", PlantedFault::body_sync_left_out},
    {"body-name-sync-left-out", PlantedFault::body_name_sync_left_out},
    {"body-removed-too-early", PlantedFault::body_removed_too_early},
    {"body-piece-lost", PlantedFault::body_piece_lost},
    {"recovery-drops-last-batch", PlantedFault::recovery_drops_last_batch},
    {"recovery-ignores-outcomes", PlantedFault::recovery_ignores_outcomes},
    {"recovery-skips-a-segment", PlantedFault::recovery_skips_a_segment},
    {"compaction-loses-messages", PlantedFault::compaction_loses_messages},
    {"compaction-loses-outcomes", PlantedFault::compaction_loses_outcomes},
    {"intake-failed-commit-accepted", PlantedFault::intake_failed_commit_accepted},
    {"intake-bare-line-feed-accepted", PlantedFault::intake_bare_line_feed_accepted},
    {"intake-hop-limit-ignored", PlantedFault::intake_hop_limit_ignored},
    {"intake-size-limit-ignored", PlantedFault::intake_size_limit_ignored},
    {"intake-last-recipient-dropped", PlantedFault::intake_last_recipient_dropped},
    {"intake-acknowledged-twice", PlantedFault::intake_acknowledged_twice},
    {"gate-open-relay", PlantedFault::gate_open_relay},
    {"gate-unknown-user-accepted", PlantedFault::gate_unknown_user_accepted},
    {"data-dots-not-undone", PlantedFault::data_dots_not_undone},
    {"session-reset-keeps-recipients", PlantedFault::session_reset_keeps_recipients},
    {"session-shutdown-ignored", PlantedFault::session_shutdown_ignored},
    {"queue-outcome-not-recorded", PlantedFault::queue_outcome_not_recorded},
    {"queue-wake-up-lost", PlantedFault::queue_wake_up_lost},
    {"queue-tries-again-at-once", PlantedFault::queue_tries_again_at_once},
    {"queue-expires-by-the-calendar", PlantedFault::queue_expires_by_the_calendar},
    {"queue-gives-up-too-early", PlantedFault::queue_gives_up_too_early},
    {"queue-forgets-what-waited", PlantedFault::queue_forgets_what_waited},
    {"queue-tries-first-recipient-only", PlantedFault::queue_tries_first_recipient_only},
    {"queue-window-ignored", PlantedFault::queue_window_ignored},
    {"remote-sends-after-success", PlantedFault::remote_sends_after_success},
    {"remote-lost-answer-is-success", PlantedFault::remote_lost_answer_is_success},
    {"remote-outcomes-mixed-up", PlantedFault::remote_outcomes_mixed_up},
    {"remote-refused-recipient-asked-again", PlantedFault::remote_refused_recipient_asked_again},
    {"client-dots-not-doubled", PlantedFault::client_dots_not_doubled},
    {"client-soft-refusal-is-final", PlantedFault::client_soft_refusal_is_final},
    {"client-doubt-not-counted", PlantedFault::client_doubt_not_counted},
    {"local-file-sync-left-out", PlantedFault::local_file_sync_left_out},
    {"local-folder-sync-left-out", PlantedFault::local_folder_sync_left_out},
    {"local-publish-error-ignored", PlantedFault::local_publish_error_ignored},
    {"local-repeat-gets-a-new-name", PlantedFault::local_repeat_gets_a_new_name},
    {"local-repeat-in-cur-overlooked", PlantedFault::local_repeat_in_cur_overlooked},
    {"report-left-out", PlantedFault::report_left_out},
    {"report-sent-twice", PlantedFault::report_sent_twice},
    {"report-although-never-wanted", PlantedFault::report_although_never_wanted},
    {"report-has-a-sender", PlantedFault::report_has_a_sender},
    {"report-of-delay-repeated", PlantedFault::report_of_delay_repeated},
    {"submission-without-login", PlantedFault::submission_without_login},
    {"submission-foreign-author-accepted", PlantedFault::submission_foreign_author_accepted},
    {"submission-bcc-kept", PlantedFault::submission_bcc_kept},
    {"queue-unread-left-out", PlantedFault::queue_unread_left_out},
    {"queue-end-of-report-lost", PlantedFault::queue_end_of_report_lost},
    {"operator-change-not-recorded", PlantedFault::operator_change_not_recorded},
    {"operator-overruled-by-attempt", PlantedFault::operator_overruled_by_attempt},
    {"resolver-failure-is-final", PlantedFault::resolver_failure_is_final},
    {"spool-checksum-ignored", PlantedFault::spool_checksum_ignored},
    {"spool-made-anew-when-away", PlantedFault::spool_made_anew_when_away},
});

/// The build with planted faults runs one simulation after another on one thread; nothing else reads this.
PlantedFault active = PlantedFault::none;

}  // namespace

bool planted(PlantedFault fault) { return fault == active; }

std::vector<std::string_view> planted_fault_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, fault] : faults) names.push_back(name);
  return names;
}

bool plant_fault(std::string_view name) {
  if (name == "none") {
    active = PlantedFault::none;
    return true;
  }
  const auto* found = std::ranges::find(faults, name, &std::pair<std::string_view, PlantedFault>::first);
  if (found == faults.end()) return false;
  active = found->second;
  return true;
}

}  // namespace with_planted_faults

}  // namespace posthorn
