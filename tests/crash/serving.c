/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A look into the backend server; apart, for its struct request is not the model's. Loop thread. */
#include "serving.h"
#include "backend/server_private.h"

bool serving_anybody(const struct backend_server *server)
{
        return server->n_peers > 0;
}

bool serving_work(const struct backend_server *server)
{
        return server->runs || server->requests;
}
