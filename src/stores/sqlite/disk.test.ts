// A disk that fails, as SQLite reports it: named by cause and cure, and after a failed sync nothing is written any more.

import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { watchDisk } from './disk.ts';

function open(): { database: DatabaseSync; disk: ReturnType<typeof watchDisk>; told: string[] } {
  const database = new DatabaseSync(':memory:');
  onTestFinished(() => database.close());
  database.exec('create table t (n integer)');
  const told: string[] = [];
  return { database, disk: watchDisk(database, (reason) => told.push(reason)), told };
}

const fault = (errcode: number) => () => {
  throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode });
};

test.each([1034, 1290])('after a failed sync (%i) the file is read, and written no more', (errcode) => {
  const { database, disk, told } = open();
  disk.named(() => database.exec('insert into t values (1)'));
  expect(() => disk.named(fault(errcode))).toThrow(
    expect.objectContaining({ code: 'Unavailable', message: expect.stringContaining('restart') }),
  );
  for (let attempt = 0; attempt < 2; attempt += 1)
    expect(() => disk.named(() => database.exec('insert into t values (2)'))).toThrow(
      expect.objectContaining({ code: 'Unavailable', message: disk.failure() }),
    );
  expect(disk.named(() => database.prepare('select n from t').all())).toEqual([{ n: 1 }]);
  expect(told).toEqual([expect.stringContaining('disk I/O error')]);
});

test('a full disk closes nothing', () => {
  const { database, disk, told } = open();
  expect(() => disk.named(fault(13))).toThrow(/disk is full/);
  disk.named(() => database.exec('insert into t values (1)'));
  expect([disk.failure(), told]).toEqual([undefined, []]);
});

test('what is no fault of the disk goes on as it is', () => {
  const { database, disk } = open();
  expect(() => disk.named(() => database.exec('select * from nowhere'))).toThrow(/no such table/);
  expect(disk.failure()).toBeUndefined();
});
