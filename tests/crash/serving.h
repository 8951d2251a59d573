/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the backend server does not tell its clients. Loop thread. */
#pragma once

#include "backend/server.h"

bool serving_anybody(const struct backend_server *server); /* is somebody connected */
bool serving_work(const struct backend_server *server);    /* has something not been answered */
