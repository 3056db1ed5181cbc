-- Parcels of pools on their way, sealed for an aggregator. Kept only while a standing entry states their hash.
-- The same number under ../sqlite makes the same tables: change both or none.

-- Size is of the sealed bytes. Expiry is the day from which on the parcel is dropped, as days since 1970-01-01.
CREATE TABLE parcel (
    network BYTEA  NOT NULL REFERENCES network (network),
    hash    BYTEA  NOT NULL,
    size    BIGINT NOT NULL,
    expiry  BIGINT NOT NULL,
    sealed  BYTEA  NOT NULL,
    PRIMARY KEY (network, hash)
);
CREATE INDEX parcel_by_expiry ON parcel (network, expiry);
