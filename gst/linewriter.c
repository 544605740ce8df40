/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Appends lines to a file from a thread of its own: a streaming thread waits
 * for no disk. */
#include "linewriter.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_AHEAD 4096

struct _GstDmlLineWriter {
  char *path;
  int fd;
  GThread *thread;

  GMutex lock;
  GCond changed;
  GQueue lines; /* of char * */
  gboolean busy, stop;
  GError *error; /* the first one; nothing is written after it */
};

static GError *
write_line (GstDmlLineWriter *self, const char *line)
{
  const gsize size = strlen (line);
  gsize done = 0;

  while (done < size) {
    const gssize n = write (self->fd, line + done, size - done);

    if (n >= 0)
      done += (gsize) n;
    else if (errno != EINTR)
      return g_error_new (G_FILE_ERROR, g_file_error_from_errno (errno),
                          "%s: a line could not be written: %s", self->path,
                          g_strerror (errno));
  }
  return NULL;
}

static gpointer
writer_thread (gpointer data)
{
  GstDmlLineWriter *self = data;

  g_mutex_lock (&self->lock);
  for (;;) {
    GError *error;
    char *line;

    while (g_queue_is_empty (&self->lines) && !self->stop)
      g_cond_wait (&self->changed, &self->lock);
    line = g_queue_pop_head (&self->lines);
    if (line == NULL)
      break;
    self->busy = TRUE;
    g_mutex_unlock (&self->lock);
    error = write_line (self, line);
    g_free (line);
    g_mutex_lock (&self->lock);
    self->busy = FALSE;
    if (error != NULL) {
      self->error = error;
      g_queue_clear_full (&self->lines, g_free);
    }
    g_cond_broadcast (&self->changed);
    if (error != NULL)
      break;
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

GstDmlLineWriter *
gst_dml_line_writer_new (const char *path, GError **error)
{
  GstDmlLineWriter *self;
  const int fd = g_open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

  if (fd < 0) {
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno),
                 "%s: cannot be opened for appending: %s", path,
                 g_strerror (errno));
    return NULL;
  }
  self = g_new0 (GstDmlLineWriter, 1);
  self->path = g_strdup (path);
  self->fd = fd;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->lines);
  self->thread = g_thread_new ("dml-lines", writer_thread, self);
  return self;
}

static gboolean
check (GstDmlLineWriter *self, GError **error)
{
  if (self->error == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (self->error));
  return FALSE;
}

gboolean
gst_dml_line_writer_put (GstDmlLineWriter *self, char *line, GError **error)
{
  gboolean ok;

  g_mutex_lock (&self->lock);
  while (self->error == NULL && g_queue_get_length (&self->lines) >= MAX_AHEAD)
    g_cond_wait (&self->changed, &self->lock);
  ok = check (self, error);
  if (ok)
    g_queue_push_tail (&self->lines, line);
  else
    g_free (line);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  return ok;
}

gboolean
gst_dml_line_writer_flush (GstDmlLineWriter *self, GError **error)
{
  gboolean ok;

  g_mutex_lock (&self->lock);
  while (self->error == NULL &&
         (self->busy || !g_queue_is_empty (&self->lines)))
    g_cond_wait (&self->changed, &self->lock);
  ok = check (self, error);
  g_mutex_unlock (&self->lock);
  return ok;
}

void
gst_dml_line_writer_free (GstDmlLineWriter *self)
{
  g_mutex_lock (&self->lock);
  self->stop = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->thread);
  close (self->fd);
  g_clear_error (&self->error);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->path);
  g_free (self);
}
