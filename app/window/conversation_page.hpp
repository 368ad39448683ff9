// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/conversation.hpp"
#include "models/population.hpp"
#include "session/session.hpp"

#include <QElapsedTimer>
#include <QTimer>
#include <QWidget>

#include <optional>
#include <vector>

class QComboBox;
class QPushButton;
class QSplitter;

namespace connscope::app {

class ConversationView;
class ElidedLine;
class LogSlider;
class TranscriptView;

// The conversation: presets of speakers, the mode that decides who is heard, the speed, and what is said as it happens.
class ConversationPage : public QWidget {
    Q_OBJECT
public:
    // `session` outlives the page. `remembers`: speed, size and the split are as they were last, by the user's settings.
    ConversationPage(Session& session, bool remembers, QWidget* parent = nullptr);
    ~ConversationPage() override;

    const Conversation& conversation() const noexcept { return conversation_; }
    // Starts a preset, by its id: "talk-one-never-yields". Another protocol than talk starts the server anew.
    void begin(const QString& preset);
    // Back to the clients that were there before.
    void end();
    // How long one speaks on a word, from now on.
    void set_word_time(double word_us);
    double word_time_us() const noexcept { return word_us_; }
    // As big and where it was last; false when that is not known.
    bool restore_place();
    // Writes the transcript as text; empty when done, else why not.
    QString save_as(const QString& file) const;

protected:
    void showEvent(QShowEvent* event) override;

private:
    QWidget* make_presets();
    QWidget* make_controls();
    bool talks() const;
    void show_modes();
    void show_mode();
    void show_state();
    void server_changed();
    void look();
    void send_speed(double word_us);
    void hurry();
    bool speakers_are_there() const;
    void choose_file_to_save();

    // What was there before the conversation.
    struct Before {
        QString protocol;
        QStringList populations;
        QString mode; // empty: it was not changed
    };

    Session& session_;
    Conversation conversation_;
    std::vector<Workload> presets_;
    std::optional<Before> before_;
    QString preset_;      // that runs, as far as known
    QString wanted_mode_; // once the server is there
    QString problem_;     // of the last call
    double word_us_ = 200'000;
    bool speed_is_new_ = false;
    bool hurries_ = false; // through what those who go have still to say
    QElapsedTimer hurries_since_;
    bool asking_ = false;
    std::uint32_t server_pid_ = 0;
    QTimer look_timer_;

    bool remembers_;
    std::vector<QPushButton*> preset_buttons_;
    QComboBox* mode_ = nullptr;
    QComboBox* slice_ = nullptr;
    LogSlider* speed_ = nullptr;
    QPushButton* pause_ = nullptr;
    QPushButton* save_ = nullptr;
    QPushButton* end_ = nullptr;
    ElidedLine* explains_ = nullptr;
    ElidedLine* state_ = nullptr;
    QSplitter* split_ = nullptr;
    ConversationView* view_ = nullptr;
    TranscriptView* transcript_ = nullptr;
};

} // namespace connscope::app
