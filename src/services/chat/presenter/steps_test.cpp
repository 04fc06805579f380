#include "services/chat/presenter/steps.hpp"

#include <gmock/gmock.h>

namespace p2p::chat {
namespace {

using telegram::Failure;
using Form = Presentation::Form;
using Status = Outcome::Status;

constexpr Time kAccepted{std::chrono::hours(1)};
constexpr Time kNow = kAccepted + std::chrono::minutes(1);

ActiveRequest waiting() {
  ActiveRequest active{.request = {.id = "x", .accepted = kAccepted}};
  active.request.shown.message = 7;
  return active;
}

ActiveRequest finished() {
  ActiveRequest active = waiting();
  active.request.outcome.status = Status::finished;
  active.request.outcome.width = active.request.outcome.height = 64;
  active.request.outcome.ended = kAccepted + std::chrono::seconds(5);
  return active;
}

ActiveRequest answered() {
  ActiveRequest active = finished();
  active.request.shown.answered = true;
  return active;
}

Step next(const ActiveRequest& active, const StatusContext& context = {}) { return next_step(active, context, kNow).step; }

FollowUp fail(ActiveRequest& active, Step step, Failure::Kind kind, const std::string& text = "Bad Request: no") {
  return failed({.step = step, .id = "x"}, {.kind = kind, .text = text, .retry_after = std::chrono::seconds(9), .migrate_to = -8}, active,
                kNow);
}

TEST(NextStep, AStatusIsSentOnceThePositionIsKnown) {
  ActiveRequest active{.request = {.id = "x", .accepted = kAccepted}};
  const NextStep first = next_step(active, {}, kAccepted);
  EXPECT_EQ(first.step, Step::none);
  EXPECT_EQ(first.look_again, kAccepted + std::chrono::milliseconds(30));
  EXPECT_EQ(next_step(active, {.estimate = {.position = 1}}, kAccepted).step, Step::status_new);
  EXPECT_EQ(next_step(active, {}, kAccepted + std::chrono::milliseconds(300)).step, Step::status_new) << "it is not waited for long";
}

TEST(NextStep, AnUnchangedStatusIsNotEdited) {
  ActiveRequest active = waiting();
  EXPECT_EQ(next(active), Step::status_edit);
  active.shown = status_text(active.request, {});
  EXPECT_EQ(next(active), Step::none);
}

TEST(NextStep, EditsKeepTheirDistance) {
  ActiveRequest active = waiting();
  active.request.outcome.status = Status::drawing;
  active.shown = "something else";
  active.shown_at = kNow;
  EXPECT_EQ(next_step(active, {}, kNow).look_again, kNow + std::chrono::seconds(2));
  active.request.origin.in_group = true;
  EXPECT_EQ(next_step(active, {}, kNow).look_again, kNow + std::chrono::seconds(10));
}

TEST(NextStep, ThePictureThenTheOriginal) {
  ActiveRequest active = finished();
  EXPECT_EQ(next(active), Step::answer_picture);
  active.request.shown.answered = true;
  EXPECT_EQ(next(active), Step::original_new) << "there is no link";
  active.request.shown.original = 8;
  EXPECT_EQ(next(active), Step::original_picture);
  active.request.shown.original_refused = "no";
  EXPECT_EQ(next(active), Step::original_text);
  active.request.shown.original_shown = true;
  EXPECT_EQ(next(active), Step::none);
}

TEST(NextStep, ALinkReplacesTheOriginal) {
  ActiveRequest active = answered();
  active.request.shown.link_until = kNow;
  EXPECT_EQ(next(active), Step::none);
  active.request.outcome.ended = kAccepted + std::chrono::seconds(31);
  EXPECT_EQ(next(active), Step::bell) << "it took long";
}

TEST(NextStep, WhatFailedEndsInWords) {
  ActiveRequest active = waiting();
  active.request.outcome.status = Status::failed;
  EXPECT_EQ(next(active), Step::answer_text);
  active.request.shown.answered = true;
  EXPECT_EQ(next(active), Step::none);
}

TEST(NextStep, ASlowStoreIsNamedBeforeThePicture) {
  ActiveRequest active = finished();
  EXPECT_EQ(next(active, {.store_slow = true}), Step::status_edit);
  active.shown = say(Language::en, Text::storing_slow);
  EXPECT_EQ(next(active, {.store_slow = true}), Step::answer_picture);
}

TEST(NextStep, AfterTwoLostMessagesTheEndAloneIsShown) {
  ActiveRequest active = waiting();
  active.request.shown.messages_lost = 2;
  EXPECT_EQ(next(active), Step::none);
  active.request.outcome.status = Status::failed;
  EXPECT_EQ(next(active), Step::answer_text);
}

TEST(Succeeded, AnEndThatCameWithTheStatusIsTheAnswer) {
  ActiveRequest active = waiting();
  active.request.shown.message = 0;
  EXPECT_TRUE(succeeded({.step = Step::status_new, .id = "x", .text = "Cancelled.", .answers = true}, 9, active, kNow).save);
  EXPECT_EQ(active.request.shown.message, 9);
  EXPECT_TRUE(active.request.shown.answered);
}

TEST(Failed, APictureTakesThePlainerForm) {
  ActiveRequest active = finished();
  EXPECT_TRUE(fail(active, Step::answer_picture, Failure::Kind::bad_request).save);
  EXPECT_EQ(active.request.shown.form, Form::document);
  EXPECT_TRUE(fail(active, Step::answer_picture, Failure::Kind::bad_request).save);
  EXPECT_EQ(active.request.shown.form, Form::text);
  EXPECT_EQ(active.request.outcome.reason, "no") << "Telegram's words without what is before every error";
  EXPECT_EQ(active.request.shown.message, 7) << "never a new message: the picture may be in this one";
}

TEST(Failed, ALostMessageIsSentAgain) {
  ActiveRequest active = waiting();
  EXPECT_TRUE(fail(active, Step::status_edit, Failure::Kind::message_gone).save);
  EXPECT_EQ(active.request.shown.message, 0);
  EXPECT_EQ(active.request.shown.messages_lost, 1);
}

TEST(Failed, WaitsAsLongAsTelegramAsks) {
  ActiveRequest active = waiting();
  EXPECT_EQ(fail(active, Step::status_edit, Failure::Kind::flood).flooded, std::chrono::seconds(9));
  EXPECT_EQ(active.attempt.retry_at, kNow + std::chrono::seconds(9));
}

TEST(Failed, RepeatsLaterAndLater) {
  ActiveRequest active = waiting();
  fail(active, Step::status_edit, Failure::Kind::unreachable);
  EXPECT_EQ(active.attempt.retry_at, kNow + std::chrono::milliseconds(250));
  fail(active, Step::status_edit, Failure::Kind::unreachable);
  EXPECT_EQ(active.attempt.retry_at, kNow + std::chrono::milliseconds(500));
}

TEST(Failed, AClosedChatIsUndeliverableAndAMovedOneFollowed) {
  ActiveRequest active = waiting();
  EXPECT_TRUE(fail(active, Step::status_new, Failure::Kind::forbidden).undeliverable);
  EXPECT_TRUE(fail(active, Step::answer_text, Failure::Kind::chat_gone).undeliverable);
  EXPECT_EQ(fail(active, Step::answer_text, Failure::Kind::migrated).moved_to, -8);
}

TEST(Failed, AnUnknownRefusalIsTriedInOtherWaysAndThenGivenUp) {
  ActiveRequest active{.request = {.id = "x", .origin = {.thread = 3, .message = 4}, .accepted = kAccepted}};
  const auto refuse = [&] { return fail(active, Step::status_new, Failure::Kind::bad_request); };
  EXPECT_FALSE(refuse().save);
  EXPECT_TRUE(refuse().save);
  EXPECT_EQ(active.request.origin.message, 0);
  EXPECT_TRUE(active.request.origin.thread);
  EXPECT_TRUE(refuse().save);
  EXPECT_FALSE(active.request.origin.thread);
  refuse();
  refuse();
  EXPECT_TRUE(refuse().undeliverable);
}

TEST(WaitsForStore, BeginsSomeSecondsAfterThePictureIsDrawn) {
  ActiveRequest active = finished();
  EXPECT_FALSE(waits_for_store(active, true, kNow)) << "it is not known when it was drawn";
  active.drawn = kNow - kStoreSlow;
  EXPECT_FALSE(waits_for_store(active, true, kNow));
  active.drawn = kNow - kStoreSlow - std::chrono::milliseconds(1);
  EXPECT_TRUE(waits_for_store(active, true, kNow));
  EXPECT_FALSE(waits_for_store(active, false, kNow)) << "nothing hangs: it waits for Telegram";
  active.store_failed = true;
  EXPECT_TRUE(waits_for_store(active, false, kNow));
}

}  // namespace
}  // namespace p2p::chat
