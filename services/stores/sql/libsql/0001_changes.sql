-- What has changed, in the order in which it did, for cores that did not make the change.
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL, -- the job's
    revision INTEGER NOT NULL
) STRICT;

CREATE TRIGGER changes_by_saving AFTER UPDATE OF revision ON jobs BEGIN
    INSERT INTO changes (id, revision) VALUES (new.id, new.revision);
END;

-- A job that has gone is told as of a revision that nobody has seen.
CREATE TRIGGER changes_by_forgetting AFTER DELETE ON jobs BEGIN
    INSERT INTO changes (id, revision) VALUES (old.id, old.revision + 1);
END;

-- The newest ten thousand are enough for whoever reads them twice a second.
CREATE TRIGGER changes_are_forgotten AFTER INSERT ON changes BEGIN
    DELETE FROM changes WHERE number <= new.number - 10000;
END;
